"""
The harness itself: what it makes it takes away, and what it lacks it names.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.kernel import parts
from tests.kernel.namespaces import SYSTEM_PATH, Lab, Namespace
from tests.kernel.packets import Flood
from tests.kernel.parts import missing_parts, missing_variant, skip_or_fail

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
RULE = "iptables -t mangle -A PREROUTING -j MARK --set-mark 7"
SO_NETNS_COOKIE = 71  # <asm-generic/socket.h>, since Linux 5.14


def test_a_variant_is_the_iptables_that_is_found_first(director: Namespace, variant: Path) -> None:
    kind = {"iptables-nft": "nf_tables", "iptables-legacy": "legacy"}[variant.name]
    programs = sorted(path.name for path in variant.iterdir())
    said = [
        director.run(program, "-V", env={"PATH": f"{variant}:{SYSTEM_PATH}"}).stdout
        for program in programs
    ]

    assert programs == sorted(
        f"{ip}tables{suffix}" for ip in ("ip", "ip6") for suffix in ("", "-restore", "-save")
    )
    assert all(f"({kind})" in each for each in said)


def test_a_command_that_fails_tells_what_it_said(director: Namespace) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        director.run("ipset", "list", "nowhere")

    assert "The set with the given name does not exist" in caught.value.__notes__[0]


def test_two_namespaces_share_no_sets(lab: Lab) -> None:
    lab.client.run("ipset", "create", "mine", "hash:net")

    assert lab.director.run("ipset", "list", "-n").stdout == ""


def test_two_namespaces_share_no_lock_of_iptables_legacy(lab: Lab) -> None:
    skip_or_fail(missing_variant("legacy"))
    lists = ["iptables-legacy", "--wait", "1", "-t", "mangle", "-S"]
    with Path(f"/proc/{lab.director.pid}/ns/net").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        of_director = lab.director.run(*lists, check=False)
        of_client = lab.client.run(*lists, check=False)

    assert "currently holding the xtables lock" in of_director.stderr
    assert of_client.returncode == 0


def test_a_socket_opened_inside_serves_what_runs_inside(director: Namespace) -> None:
    with (
        director.open_socket(socket.AF_INET, socket.SOCK_STREAM) as server,
        director.open_socket(socket.AF_INET, socket.SOCK_STREAM) as caller,
        socket.socket() as outside,
    ):
        server.bind(("127.0.0.1", 80))
        server.listen()
        caller.connect(server.getsockname())
        cookies = {
            each.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)
            for each in (server, caller, outside)
        }

    assert len(cookies) == 2


def test_a_socket_that_cannot_be_opened_is_an_error_and_the_next_one_opens(
    director: Namespace,
) -> None:
    with pytest.raises(OSError, match="not supported"):
        director.open_socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_UDP)

    director.open_socket(socket.AF_INET, socket.SOCK_STREAM).close()


@pytest.mark.usefixtures("equipped")
def test_closing_leaves_no_process() -> None:
    with Lab() as lab:
        pids = [lab.client.pid, lab.director.pid]

    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.usefixtures("equipped")
def test_a_killed_test_run_leaves_no_process() -> None:
    # It tells its three children, two holders and a sender, and waits to be killed.
    script = (
        "import sys; from tests.kernel.namespaces import Lab\n"
        "from tests.kernel.packets import Flood\n"
        "lab = Lab(); flood = Flood(lab, ['198.51.100.1']); flood.__enter__()\n"
        "print(lab.client.pid, lab.director.pid, flood._sender.pid, flush=True)\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    ) as killed:
        assert killed.stdout
        children = [os.pidfd_open(int(pid)) for pid in killed.stdout.readline().split()]
        killed.send_signal(signal.SIGKILL)

    assert len(children) == 3
    with contextlib.ExitStack() as stack:
        for child in children:
            stack.callback(os.close, child)
            # A pidfd becomes readable when its process has ended.
            assert select.select([child], [], [], 20)[0]


@pytest.mark.usefixtures("equipped")
def test_the_host_s_own_firewall_and_interfaces_stay_as_they_were() -> None:
    before = read_host()
    with Lab() as lab:
        lab.director.run("ipset", "create", "typed", "hash:net")
        lab.director.run(*RULE.split())
        with Flood(lab, ["198.51.100.1"]):
            during = read_host()
            # What is compared would show it: inside, the same commands see all that was made.
            inside = read_host(lab.director)

    assert during == before
    assert read_host() == before
    assert all(inside[command] != said for command, said in before.items())


def read_host(namespace: Namespace | None = None) -> dict[str, str]:
    """
    Read what a leaking test would change; an ordinary user reads the refusals, and the links.
    """
    read = {}
    for command in ("iptables-save", "nft -s list ruleset", "ipset list -n", "ip -o link"):
        said = subprocess.run(
            [*(namespace.argv if namespace else ()), *command.split()],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": SYSTEM_PATH},
        )
        # A comment tells the time, and a chain its packets: "INPUT ACCEPT [17:1020]".
        read[command] = re.sub(r"(?m)^#.*$|\[\d+:\d+\]", "", said.stdout + said.stderr)
    return read


def test_a_missing_program_is_named_with_its_package(tmp_path: Path) -> None:
    missing = missing_parts(path=str(tmp_path))

    assert len(missing) == 7
    assert "ip6tables is not installed (Debian package iptables)" in missing


@pytest.mark.usefixtures("equipped")
def test_a_feature_that_the_kernel_lacks_is_named_with_what_was_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "_KERNEL_FEATURES", {"ip_set_hash_warp": "ipset create a hash:warp"})
    monkeypatch.setattr(parts, "SO_RCVMARK", 9_999)

    of_sets, of_marks = missing_parts()

    assert of_sets.startswith("the kernel has no ip_set_hash_warp: 'ipset create a hash:warp' says")
    assert "SO_RCVMARK" in of_marks


@pytest.mark.parametrize(
    ("variant", "reason"),
    [
        ("warp", "iptables-warp is not installed (Debian package iptables)"),
        # A program that is there and lists no table stands for a kernel without the variant.
        ("restore", "the kernel does not serve iptables-restore: "),
    ],
)
@pytest.mark.usefixtures("equipped")
def test_a_variant_that_does_not_work_is_named(variant: str, reason: str) -> None:
    assert missing_variant(variant)[0].startswith(reason)


@pytest.mark.usefixtures("equipped")
def test_the_refusal_of_namespaces_is_told_with_what_would_help() -> None:
    # The right to make more of them is taken in a user namespace of our own, not on the host.
    refusing = (
        "echo 0 > /proc/sys/user/max_net_namespaces && echo 0 > /proc/sys/user/max_user_namespaces"
        ' && exec "$0" -c "from tests.kernel.parts import missing_parts as m; print(*m())"'
    )
    unshare = ["unshare", "--user", "--map-root-user"]
    if subprocess.run([*unshare, "true"], check=False, env={"PATH": SYSTEM_PATH}).returncode:
        skip_or_fail(["not even root may make user namespaces here"])
    told = subprocess.run(
        [*unshare, "sh", "-c", refusing, sys.executable],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": SYSTEM_PATH, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    )

    assert "no network namespace can be made: unshare: unshare failed" in told.stdout
    assert "sysctl -w user.max_user_namespaces" in told.stdout


def test_a_missing_part_skips_a_test() -> None:
    assert end_of_a_test(["no ipset", "no nft"], {}) == (pytest.skip.Exception, "no ipset; no nft")


def test_a_missing_part_fails_a_test_that_must_run() -> None:
    must_run = {"PROXYFEED_TESTS_MUST_RUN": "1"}

    assert end_of_a_test(["no ipset"], must_run) == (pytest.fail.Exception, "no ipset")


def test_a_machine_that_lacks_nothing_neither_skips_nor_fails() -> None:
    assert end_of_a_test([], {}) is None


def end_of_a_test(
    missing: list[str], environ: dict[str, str]
) -> tuple[type[BaseException], str] | None:
    # Not pytest.raises: it would let a skip through, which would skip the test that looks for it.
    try:
        skip_or_fail(missing, environ)
    except (pytest.skip.Exception, pytest.fail.Exception) as exc:
        return type(exc), str(exc)
    return None
