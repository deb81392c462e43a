"""
Lists read once more, by netaddr and in the plainest way, to hold the product's reading against.
"""

from collections.abc import Iterable, Iterator

from netaddr import IPNetwork, cidr_merge


def merged(prefixes: Iterable[str]) -> list[IPNetwork]:
    """
    The fewest networks that cover *prefixes*, IPv4 first.
    """
    return cidr_merge([IPNetwork(prefix).cidr for prefix in prefixes])


def text_rows(body: bytes) -> Iterator[str]:
    """
    The rows of a list that is known to be good, without its comments.
    """
    for line in body.decode().splitlines():
        row = line.split("#")[0].split(";")[0].strip()
        if row:
            yield row


def csv_fields(body: bytes) -> Iterator[list[str]]:
    """
    The fields of a list that is known to be good and to quote none.
    """
    for row in body.decode().splitlines():
        if row and not row.startswith("#"):
            yield row.split(",")
