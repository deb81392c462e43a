"""
What is exported, in the programs that it is exported for: haproxy, nginx, nft and ipset themselves.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.e2e.machine import Machine
from tests.kernel.namespaces import SYSTEM_PATH, Namespace
from tests.kernel.parts import skip_or_fail

from proxyfeed.exports import Exported, write
from proxyfeed.marked import MarkedSet
from proxyfeed.prefixes import PrefixSet

pytestmark = pytest.mark.kernel

PORT = 8080
CONFIGURATION = """
database = "sqlite:///proxyfeed.db"
apply = "manual"
[feeds.relay]
url = "file:relay.txt"
format = "text"
max_growth = "1000 %"
[sets.relay]
feeds = ["relay"]
mark = 1
"""
OLD, NEW = ("20.0.0.0/24", "2a00::/64"), ("20.0.0.0/24", "20.0.1.0/24", "2a00::/64")
# Who asks, and what of it is in the list: edges and what is just outside of them.
LISTED = ("20.0.0.0", "20.0.0.255", "2a00::", "2a00::ffff:ffff:ffff:ffff")
ADDED = ("20.0.1.0", "20.0.1.255")
OTHERS = ("19.255.255.255", "20.0.2.0", "2a00:0:0:1::")


def equip(program: str, package: str) -> None:
    if shutil.which(program, path=SYSTEM_PATH) is None:
        skip_or_fail([f"{program} is not installed (Debian package {package})"])


# ---------------------------------------------------------------- the programs


@dataclass(frozen=True)
class Proxy:
    """
    A program that answers ``1`` to whom it finds in the list at *file*, and ``0`` to others.
    """

    form: str
    file: Path
    reload: str
    ask: Callable[[str], str]


HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend web
    bind 0.0.0.0:{port}
    bind [::]:{port} v6only
    {rule}
"""
HAPROXY_RULES = {
    "haproxy": "acl proxied src -f {file}\n"
    '    http-request return status 200 content-type text/plain string "1" if proxied\n'
    '    http-request return status 200 content-type text/plain string "0"',
    "haproxy-map": "http-request return status 200 content-type text/plain "
    'lf-string "%[src,map_ip({file},0)]"',
}
# In a namespace of an ordinary user there is no user but root to become.
NGINX = """
user root;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/temp1;
    proxy_temp_path {folder}/temp2;
    fastcgi_temp_path {folder}/temp3;
    uwsgi_temp_path {folder}/temp4;
    scgi_temp_path {folder}/temp5;
    geo $proxied {{ default 0; include {file}; }}
    server {{
        listen 0.0.0.0:{port};
        listen [::]:{port} ipv6only=on;
        location / {{ return 200 $proxied; }}
    }}
}}
"""


@contextmanager
def haproxy(machine: Machine, form: str, file: Path) -> Iterator[str]:
    """
    Run it as a master with workers, and give the command that reloads it.
    """
    settings = file.with_name("haproxy.cfg")
    rule = HAPROXY_RULES[form].format(file=file)
    settings.write_text(HAPROXY.format(port=PORT, rule=rule))
    assert "Warning" not in machine.namespace.run("haproxy", "-c", "-f", str(settings)).stderr
    pid = file.with_name("haproxy.pid")
    words = ["haproxy", "-W", "-db", "-p", str(pid), "-f", str(settings)]
    with running(machine, words):
        yield f"""sh -c 'kill -USR2 "$(cat {pid})"'"""


@contextmanager
def nginx(machine: Machine, form: str, file: Path) -> Iterator[str]:
    assert form == "nginx"
    settings = file.with_name("nginx.conf")
    settings.write_text(NGINX.format(folder=file.parent, file=file, port=PORT))
    tested = machine.namespace.run("nginx", "-t", "-c", str(settings)).stderr
    assert "warn" not in tested
    with running(machine, ["nginx", "-g", "daemon off;", "-c", str(settings)]):
        yield f"nginx -c {settings} -s reload"


@contextmanager
def running(machine: Machine, words: list[str]) -> Iterator[None]:
    process = subprocess.Popen(
        [*machine.namespace.argv, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": SYSTEM_PATH},
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def ask(namespace: Namespace, source: str) -> str:
    """
    The answer to a client at *source*, once anybody answers.
    """
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    target = "::1" if family == socket.AF_INET6 else "127.0.0.1"

    def answer() -> str:
        with namespace.open_socket(family, socket.SOCK_STREAM) as client:
            client.settimeout(20)
            client.bind((source, 0))
            try:
                client.connect((target, PORT))
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                whole = b"".join(iter(lambda: client.recv(4096), b""))
            except ConnectionError:
                return ""
            return whole.partition(b"\r\n\r\n")[2].decode()

    return wait_for(answer)


def wait_for(condition: Callable[[], str], wanted: str = "") -> str:
    """
    Ask until there is an answer, and if one is *wanted*, that.
    """
    deadline = time.monotonic() + 60
    while not (found := condition()) or (wanted and found != wanted):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


@pytest.fixture(params=["haproxy", "haproxy-map", "nginx"])
def proxy(
    request: pytest.FixtureRequest, director: Namespace, tmp_path: Path
) -> Iterator[tuple[Machine, Proxy]]:
    """
    A director with a version of the list, and a running proxy that has read it.
    """
    form: str = request.param
    program, package = ("nginx", "nginx-light") if form == "nginx" else ("haproxy", "haproxy")
    equip(program, package)
    machine = Machine(director, tmp_path)
    machine.configure(CONFIGURATION)
    publish(machine, *OLD)
    for source in (*LISTED, *ADDED, *OTHERS):
        words = ["nodad"] if ":" in source else []
        director.run("ip", "address", "add", source, "dev", "lo", *words)
    folder = tmp_path / "proxy"
    folder.mkdir()
    file = folder / "proxies.lst"
    machine.proxyfeed("export", "--set", "relay", "--format", form, "--output", str(file))
    with ExitStack() as stack:
        start = nginx if form == "nginx" else haproxy
        reload = stack.enter_context(start(machine, form, file))
        yield machine, Proxy(form, file, reload, lambda source: ask(director, source))


def publish(machine: Machine, *prefixes: str) -> None:
    path = machine.folder / "relay.txt"
    path.write_text("".join(f"{prefix}\n" for prefix in prefixes))
    machine.proxyfeed("update")


# ---------------------------------------------------------------- tests


def test_a_proxy_tells_who_is_in_the_list_and_goes_by_a_new_one_after_its_reload(
    proxy: tuple[Machine, Proxy],
) -> None:
    machine, program = proxy
    words = ["export", "--set", "relay", "--format", program.form, "--output", str(program.file)]
    assert [program.ask(source) for source in LISTED] == ["1"] * len(LISTED)
    assert [program.ask(source) for source in (*ADDED, *OTHERS)] == ["0"] * 5
    publish(machine, *NEW)

    done = machine.proxyfeed(*words, "--reload", program.reload)

    assert "+20.0.1.0/24" in done.out
    assert done.out.endswith("; reloaded\n")
    # The workers of before may answer a little longer.
    wait_for(lambda: "".join(program.ask(source) for source in (*LISTED, *ADDED)), "1" * 6)
    assert [program.ask(source) for source in OTHERS] == ["0"] * 3
    quiet = machine.proxyfeed(*words, "--reload", "false", "--quiet")
    assert (quiet.out, quiet.err) == ("", "")


def test_a_reload_that_fails_leaves_the_proxy_with_its_list_and_is_made_up_for(
    proxy: tuple[Machine, Proxy],
) -> None:
    machine, program = proxy
    words = ["export", "--set", "relay", "--format", program.form, "--output", str(program.file)]
    publish(machine, *NEW)

    failed = machine.proxyfeed(*words, "--reload", "false", "--quiet", code=5)

    assert "the reload command failed: /usr/bin/false exited with 1" in failed.err
    assert program.ask(ADDED[0]) == "0"
    again = machine.proxyfeed(*words, "--reload", program.reload)
    assert again.out.startswith(f"{program.file}: unchanged")
    wait_for(lambda: program.ask(ADDED[0]), "1")


SPLIT = MarkedSet.of(
    {11: PrefixSet.parse(["20.0.0.0/24", "2a00::/64"]), 12: PrefixSet.parse(["20.0.1.0/24"])}
)


def test_a_split_set_gives_each_mark_to_a_map_of_nftables(
    director: Namespace, tmp_path: Path
) -> None:
    file = tmp_path / "relay.nft"
    file.write_text(write(Exported("set relay-a", "relay-a", SPLIT), "nft"))
    script = f"""
    include "{file}"
    table inet mine {{
        map relay_4 {{ type ipv4_addr : mark; flags interval; elements = $relay_a_4 }}
        map relay_6 {{ type ipv6_addr : mark; flags interval; elements = $relay_a_6 }}
    }}
    """

    director.run("nft", "-f", "-", input=script)

    listed = director.run("nft", "list", "map", "inet", "mine", "relay_4").stdout
    assert "20.0.0.0/24 : 0x0000000b, 20.0.1.0/24 : 0x0000000c" in " ".join(listed.split())


def test_a_set_is_exported_as_it_is_split_and_refused_where_marks_have_no_place(
    director: Namespace, tmp_path: Path
) -> None:
    machine = Machine(director, tmp_path)
    split = "csv.label = { country = 2 }\nmax_growth"
    machine.configure(
        CONFIGURATION.replace("max_growth", split)
        .replace('"text"', '"csv"')
        .replace("mark = 1", 'split = { by = "country", marks = [11, 12] }')
    )
    publish(machine, "20.0.0.0/23,US,,,", "20.0.2.0/24,DE,,,", "2a00::/64,FR,,,")
    file = tmp_path / "relay.map"
    words = ["export", "--set", "relay", "--format"]

    done = machine.proxyfeed(*words, "haproxy-map", "--output", str(file), "--json")

    assert (done.document["data"]["writing"], done.document["data"]["prefixes"]) == ("written", 3)
    values = dict(line.split() for line in file.read_text().splitlines()[1:])
    assert set(values) == {"20.0.0.0/23", "20.0.2.0/24", "2a00::/64"}
    assert set(values.values()) == {"11", "12"}
    for address, value in (("20.0.1.1", values["20.0.0.0/23"]), ("2a00::1", values["2a00::/64"])):
        assert f"mark {int(value):#x}" in machine.proxyfeed("lookup", address).out
    refused = machine.proxyfeed(*words, "ipset", "--output", str(tmp_path / "x"), code=2)
    assert "set relay has several marks, which this script cannot give" in refused.err
    assert not (tmp_path / "x").exists()


def test_a_list_is_elements_of_a_set_of_nftables(director: Namespace, tmp_path: Path) -> None:
    content = PrefixSet.parse(NEW)
    file = tmp_path / "relay.nft"
    file.write_text(write(Exported("set relay", "relay", content), "nft"))
    script = f"""
    include "{file}"
    table inet mine {{
        set relay {{ type ipv4_addr; flags interval; elements = $relay_4 }}
        chain in {{ type filter hook input priority 0; ip6 saddr $relay_6 counter; }}
    }}
    """

    director.run("nft", "-f", "-", input=script)

    listed = director.run("nft", "list", "set", "inet", "mine", "relay").stdout
    assert "20.0.0.0/23" in listed


def test_the_script_for_ipset_is_restored(director: Namespace) -> None:
    content = PrefixSet.parse(NEW)

    director.run("ipset", "restore", input=write(Exported("x", "x", content), "ipset"))

    assert "add proxyfeed_x_4 20.0.0.0/23" in director.run("ipset", "save").stdout


def test_the_programs_read_every_mark_of_a_split_set(director: Namespace, tmp_path: Path) -> None:
    equip("haproxy", "haproxy")
    equip("nginx", "nginx-light")
    machine = Machine(director, tmp_path)
    for source in ("20.0.0.1", "20.0.1.1", "20.0.2.1"):
        director.run("ip", "address", "add", source, "dev", "lo")
    for form, start in (("haproxy-map", haproxy), ("nginx", nginx)):
        file = tmp_path / "list"
        file.write_text(write(Exported("set relay", "relay", SPLIT), form))
        with start(machine, form, file):
            found = [ask(director, source) for source in ("20.0.0.1", "20.0.1.1", "20.0.2.1")]
        assert found == ["11", "12", "0"]
