"""
A script: a list on standard input, aggregated by Python's own ipaddress.
"""

import sys
from ipaddress import IPv4Network, IPv6Network, collapse_addresses


def main() -> None:
    rows = sys.stdin.read().split()
    ipv4 = collapse_addresses(IPv4Network(row) for row in rows if ":" not in row)
    ipv6 = collapse_addresses(IPv6Network(row) for row in rows if ":" in row)
    for networks in (ipv4, ipv6):
        sys.stdout.writelines(f"{network}\n" for network in networks)


if __name__ == "__main__":
    main()
