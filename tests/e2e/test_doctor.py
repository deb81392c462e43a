"""
``doctor``, ``lvs check`` and ``lvs apply`` as an operator types them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.e2e.machine import ALERTS, CONFIGURATION, Machine
from tests.kernel.namespaces import SYSTEM_PATH

pytestmark = pytest.mark.kernel

LVS = """
[sets.aol.lvs]
servers = ["192.0.2.11", "2001:db8::11"]
"""
IPVSADM = shutil.which("ipvsadm", path=SYSTEM_PATH)


def without_lvs(running: Machine) -> Machine:
    running.configure(CONFIGURATION + ALERTS)
    return running


def test_a_director_that_is_well_gets_no_word_on_standard_error(running: Machine) -> None:
    done = without_lvs(running).proxyfeed("lvs", "check")

    assert done.err == ""
    lines = done.out.splitlines()
    assert lines[0] == "set aol"
    assert lines[1].startswith("  ok       live equals desired: ")
    assert "  note     the IPv4 rule has marked 0 packets so far" in lines
    assert not any(line.startswith(("  BROKEN", "  warning")) for line in lines)


def test_the_counter_moves_with_the_packets(running: Machine) -> None:
    running.take_packet("64.12.96.1", ("192.0.2.80", 80))

    done = running.proxyfeed("lvs", "check")

    assert "  note     the IPv4 rule has marked 0 packets so far" not in done.out.splitlines()
    assert "  note     the IPv6 rule has marked 0 packets so far" in done.out.splitlines()


BROKEN = {
    "ipset del proxyfeed_aol_4 198.81.8.0/23": "live differs from desired: proxyfeed_aol_4: 1 to ",
    "ip6tables -t mangle -F PREROUTING": "the IPv6 MARK rule is missing",
    "iptables -t mangle -A PREROUTING -j MARK --set-mark 9": "the IPv4 rule marks for nothing: ",
    "iptables -t mangle -I PREROUTING -j ACCEPT": "the IPv4 rule sees no packet: before it stands",
}


@pytest.mark.parametrize("command", BROKEN)
@pytest.mark.parametrize("words", ["lvs check", "doctor"])
def test_a_broken_link_is_found_by_check_and_by_doctor(
    running: Machine, command: str, words: str
) -> None:
    running.namespace.run(*command.split())

    done = without_lvs(running).proxyfeed(*words.split(), code=5)

    (complaint,) = done.complaints
    assert complaint.startswith("proxyfeed: set aol: ")
    assert BROKEN[command] in complaint
    assert any(
        line.startswith("  BROKEN   ") and BROKEN[command] in line for line in done.out.splitlines()
    )


def test_two_rules_of_ours_are_one_too_many(running: Machine) -> None:
    (rule,) = running.rules()
    running.namespace.run("iptables", "-t", "mangle", *rule.replace('"', "").split())

    done = running.proxyfeed("lvs", "check", code=5)

    assert "the IPv4 MARK rule is wrong" in done.err


def test_checking_and_doctoring_change_nothing(running: Machine) -> None:
    running.namespace.run("ipset", "del", "proxyfeed_aol_4", "198.81.8.0/23")
    before = running.kernel()

    running.several(["lvs", "check"], ["doctor"], ["lvs", "apply", "--dry-run"])

    assert running.kernel() == before


@pytest.mark.skipif(IPVSADM is None, reason="ipvsadm is not installed (Debian package ipvsadm)")
@pytest.mark.skipif(Path("/proc/net/ip_vs").exists(), reason="this kernel has IPVS: see tests/lab")
def test_a_kernel_without_ipvs_is_said_to_be_one(running: Machine) -> None:
    running.configure(CONFIGURATION + LVS)

    done = running.several(["lvs", "check"], ["lvs", "apply"], ["doctor"])

    for one in done:
        assert one.code == 7
        assert "this kernel cannot do ipvsadm --save --numeric: Can't initialize ipvs" in one.err
        assert "try: modprobe ip_vs" in one.err.splitlines()


def test_doctor_names_every_part_and_exits_as_status_does(running: Machine) -> None:
    done = without_lvs(running).proxyfeed("doctor")

    subjects = [line for line in done.out.splitlines()[:-1] if not line.startswith(" ")]
    assert subjects == [
        *("configuration", "tools", "database", "feed aol", "set aol", "alerts"),
        *("every night", "at boot"),
    ]
    assert done.out.splitlines()[-1].startswith("0 broken, ")


def test_doctor_states_the_prefix_lengths_of_a_set_and_what_its_backend_makes_of_them(
    running: Machine,
) -> None:
    by_ipset = without_lvs(running).proxyfeed("doctor")
    running.configure(CONFIGURATION + 'backend = "nftables"\n')
    by_nftables = running.proxyfeed("doctor", code=5)

    note = "  note     prefix lengths: IPv4 8: a packet of an ordinary client costs one lookup"
    assert f"{note} for each in an ipset, about 0.4 microseconds " in by_ipset.out
    assert f"{note} in nftables, however many they are, about 0.4 microseconds " in by_nftables.out


def test_doctor_without_a_database_still_looks_at_the_rest(machine: Machine) -> None:
    done = machine.proxyfeed("doctor", code=7)

    assert "there is no database" in done.err
    assert "try: proxyfeed init" in done.err.splitlines()
    assert any(line.startswith("  ok       ipset v") for line in done.out.splitlines())
    assert not machine.database.exists()


def test_doctor_names_a_feed_that_fails_by_the_words_of_status(running: Machine) -> None:
    running.configure(CONFIGURATION.replace("proxyinfo", "nowhere"))
    running.proxyfeed("update", "--quiet", code=None)

    doctor, status = running.several(["doctor"], ["status"])

    assert doctor.code == status.code
    assert [line for line in status.complaints if "feed aol" in line] == [
        line for line in doctor.complaints if "feed aol" in line
    ]


def test_a_set_without_real_servers_is_a_mistake_to_apply(running: Machine) -> None:
    done = running.proxyfeed("lvs", "apply", "aol", code=2)

    assert "set aol has real servers" not in done.err
    assert "real servers" in done.err


def test_a_real_server_needs_no_address_of_a_set_that_goes_by_nat(running: Machine) -> None:
    other = """
[sets.other]
feeds = ["aol"]
mark = 2
virtual = ["192.0.2.81:80"]
families = [4]
[sets.other.lvs]
servers = ["192.0.2.21"]
forwarding = "nat"
"""
    running.configure(CONFIGURATION + LVS + other)

    done = running.proxyfeed("lvs", "check", "--real-server", code=5)

    assert "192.0.2.80 is no address of this machine" in done.err
    assert "192.0.2.81" not in done.err


def test_this_machine_is_looked_at_as_a_real_server_where_that_is_asked(running: Machine) -> None:
    running.configure(CONFIGURATION + LVS)
    for words in ("link add lan type veth peer name far", "link set lan up"):
        running.namespace.run("ip", *words.split())

    loud = running.proxyfeed("lvs", "check", "--real-server", code=5)
    settings = [f"/proc/sys/net/ipv4/conf/all/{name}" for name in ("arp_ignore", "arp_announce")]
    for path, value in zip(settings, "12", strict=True):
        running.namespace.run("tee", path, input=value)
    for address in ("192.0.2.80/32", "2001:db8::80/128"):
        running.namespace.run("ip", "address", "add", address, "dev", "lo")
    quiet = running.proxyfeed("lvs", "check", "--real-server")

    assert "192.0.2.80 is no address of this machine" in loud.err
    assert "arp_ignore is below 1 on far, lan" in loud.err
    assert quiet.err == ""
