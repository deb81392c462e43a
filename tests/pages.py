"""
Pages to read, and the rules that AOL's page is read by.
"""

from pathlib import Path

import pytest

from proxyfeed.errors import ReadError
from proxyfeed.model import HtmlRules
from proxyfeed.prefixes import PrefixSet
from proxyfeed.sources.html import read_html

FIXTURES = Path(__file__).parents[1] / "fixtures" / "aol"
SHARED = Path(__file__).parents[2] / "shared" / "data"

AOL = HtmlRules(
    heading=(
        "proxies",
        "aol proxies",
        "proxy",
        "proxy server",
        "proxy servers",
        "aol proxy servers",
        "proxy ranges",
        "aol proxy ranges",
        "proxy ip ranges",
        "aol proxy ip ranges",
        "proxy addresses",
        "aol proxy addresses",
        "proxy ip addresses",
        "aol proxy ip addresses",
        "proxy server ip addresses",
        "aol proxy server ip addresses",
        "proxy networks",
        "aol proxy networks",
        "proxy cidrs",
        "aol proxy cidrs",
    ),
    exclude=(
        "client",
        "clients",
        "member",
        "members",
        "customer",
        "customers",
        "subscriber",
        "subscribers",
        "dial-up",
        "dialup",
        "dial-in",
        "ipt.aol.com",
    ),
    ignore=("via header", "via headers", "last updated", "last modified"),
)
# AOL's clients: 172.128.0.0 to 172.216.255.255, and 202.67.66.0 to 202.67.127.255.
CLIENTS = PrefixSet.parse(["172.128.0.0-172.216.255.255", "202.67.66.0-202.67.127.255"])


def page(body: str) -> bytes:
    return f"<html><head><title>AOL proxies</title></head><body>{body}</body></html>".encode()


def ranges(body: str, rules: HtmlRules = AOL) -> list[str]:
    return list(read_html(page(body), "", rules).lines())


def refusal(body: str, rules: HtmlRules = AOL) -> str:
    with pytest.raises(ReadError) as caught:
        read_html(page(body), "", rules)
    return caught.value.message
