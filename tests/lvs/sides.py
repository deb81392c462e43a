"""
Sets with real servers, from configurations as operators write them.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from proxyfeed.commands.lvs import sides
from proxyfeed.config import Config, parse
from proxyfeed.lvs.render import Rendered, render

AOL = """
[sets.aol]
feeds = ["aol"]
mark = 1
virtual = ["192.0.2.80:80", "[2001:db8::80]:80"]

[sets.aol.lvs]
servers = ["192.0.2.11", "192.0.2.12 weight 2", "2001:db8::11", "2001:db8::12"]
fallback = ["192.0.2.13", "2001:db8::13"]
check = { type = "http", path = "/alive", expect = "OK", every = "2s", timeout = "3s" }
"""

RELAY = """
[feeds.relay]
url = "https://lists.example.net/relay.csv"
format = "csv"
csv = { label = { country = 2 } }

[sets.relay]
feeds = ["relay"]
virtual = ["192.0.2.81:443", "192.0.2.81:443/udp"]
families = [4]
split = { by = "country", marks = [11, 12, 13] }

[sets.relay.lvs]
servers = ["192.0.2.11 weight 2", "192.0.2.12"]
forwarding = "nat"
persistence = "30m"
check = { type = "https", port = 443, host = "www.example.net", path = "/alive" }
"""


def read(text: str) -> Config:
    return parse(tomllib.loads(text), "proxyfeed.toml", Path("/var/lib/proxyfeed"), Path("/etc"))


def rendered(form: str, text: str) -> Rendered:
    return render(form, sides(read(text), ()))
