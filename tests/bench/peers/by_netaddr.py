"""
A script: a list on standard input, aggregated by netaddr.
"""

import sys

from netaddr import cidr_merge


def main() -> None:
    sys.stdout.writelines(f"{network}\n" for network in cidr_merge(sys.stdin.read().split()))


if __name__ == "__main__":
    main()
