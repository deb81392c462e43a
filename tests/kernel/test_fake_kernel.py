"""
The fake kernel of the fault tests answers as the real one does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.fake_kernel import FakeKernel, FaultyRunner
from tests.kernel.backends import EITHER, KernelBackend, NftBackend
from tests.kernel.namespaces import Namespace
from tests.kernel.product import NEAR, NET, NEW, OLD, SPEC, record, served

from proxyfeed.converge import converge, remove_rules
from proxyfeed.errors import CommandFailed
from proxyfeed.firewall import Firewall, Runner
from proxyfeed.model import Live, SetSpec
from proxyfeed.prefixes import PrefixSet

pytestmark = pytest.mark.kernel

VIRTUAL = served((80, "tcp"), (53, "udp"))
Step = Callable[[Firewall, SetSpec], object]
STEPS: dict[str, Step] = {
    "first": lambda firewall, spec: converge(firewall, spec, OLD),
    "delta": lambda firewall, spec: converge(firewall, spec, NEAR),
    "replace": lambda firewall, spec: converge(firewall, spec, NEW),
    "services": lambda firewall, spec: converge(firewall, replace(spec, virtual=VIRTUAL), NEW),
    "mask": lambda firewall, spec: converge(
        firewall, replace(spec, virtual=VIRTUAL, mask=0xFF), NEW
    ),
    "one family": lambda firewall, spec: converge(firewall, replace(spec, families=(6,)), OLD),
    "empty": lambda firewall, spec: converge(firewall, spec, PrefixSet()),
    "rule removed": lambda firewall, spec: remove_rules(firewall, spec),
    "both again": lambda firewall, spec: converge(firewall, spec, OLD),
    "another backend": lambda firewall, spec: converge(
        firewall, replace(spec, backend=spec.backend.other), NEW
    ),
    "and back": lambda firewall, spec: converge(firewall, spec, OLD),
}
IPV4, IPV6 = NET.values()
# Streams that fail; what came before the bad line stays.
BAD_STREAMS = {
    "create an existing set": [f"create {IPV4} hash:net family inet hashsize 1024 maxelem 9"],
    "create one of another type": [f"create {IPV4} hash:ip family inet hashsize 1024 maxelem 9"],
    "add twice": [
        f"add {IPV4} 192.0.2.1/32",
        f"add {IPV4} 192.0.2.1",
        f"add {IPV4} 192.0.2.2",
    ],
    "delete what is not there": [
        f"del {IPV6} 2001:db8:3000::9/128",
        f"del {IPV6} 2001:db8:3000::9/128",
    ],
    "overflow": [
        "create t hash:net family inet hashsize 1024 maxelem 2",
        *(f"add t 192.0.2.{n}" for n in range(3)),
    ],
    "swap two types": ["create t hash:ip family inet hashsize 1024 maxelem 2", f"swap t {IPV4}"],
    "swap two families": [f"swap {IPV4} {IPV6}"],
    "swap with nothing": [f"swap {IPV4} t"],
    "rename to an existing set": [
        "create t hash:net family inet hashsize 1024 maxelem 2",
        f"rename t {IPV4}",
    ],
    "rename what a rule looks at": [f"rename {IPV4} t"],
    "destroy what a rule looks at": [f"destroy {IPV4}"],
    "destroy nothing": ["destroy t"],
}
BAD_RULES = {
    "delete what is not there": "-D PREROUTING -j MARK --set-xmark 0x1/0xffffffff",
    "look at no set": "-A PREROUTING -m set --match-set t src -j MARK --set-xmark 0x1/0xffffffff",
}


# Scripts of nft that are refused, with what it says.
BAD_SCRIPTS = {
    "add a set of another type": (
        "add set {table} addresses_4 {{ type ipv4_addr; }}",
        "File exists",
    ),
    "delete a set that a rule looks at": ("delete set {table} addresses_4", "resource busy"),
    "flush a set that is not there": ("flush set {table} nothing", "No such file or directory"),
    "delete a set that is not there": ("delete set {table} nothing", "No such file or directory"),
    "a rule that looks at no set": (
        "add rule {table} marking ip saddr @nothing counter",
        "No such file or directory",
    ),
    "a chain of another form": (
        "add chain {table} marking {{ type filter hook prerouting priority 0; policy accept; }}",
        "Operation not supported",
    ),
    "a rule in no chain": (
        "add rule {table} nothing ip saddr @addresses_4 counter",
        "No such file or directory",
    ),
    "a table that is not there": ("delete table inet proxyfeed_nothing", "No such file"),
    "the table, and then a set in it": (
        "delete table {table}\nadd set {table} addresses_4 {{ type ipv4_addr; }}",
        "No such file or directory",
    ),
}


def look(runner: Runner, spec: SetSpec = SPEC) -> Live:
    return Firewall(runner).read(spec)


@EITHER
def test_every_step_takes_the_same_commands_and_ends_the_same(
    director: Namespace, backend: KernelBackend
) -> None:
    real, fake = record(director), FaultyRunner()

    for name, step in STEPS.items():
        step(Firewall(real), backend.spec)
        step(Firewall(fake), backend.spec)
        assert [command.argv for command in fake.log] == real.commands, name
        assert look(fake, backend.spec) == look(real, backend.spec), name


@pytest.mark.parametrize("name", list(BAD_SCRIPTS))
def test_a_bad_script_of_nft_changes_nothing(director: Namespace, name: str) -> None:
    lines, said = BAD_SCRIPTS[name]
    spec = NftBackend().spec
    good = "flush set {table} addresses_6\nadd set {table} mine {{ type ipv4_addr; }}\n"
    script = (good + lines + "\n").format(table="inet proxyfeed_aol")
    for runner in (record(director), FaultyRunner(kernel=FakeKernel())):
        converge(Firewall(runner), spec, OLD)
        before = look(runner, spec)
        with pytest.raises(CommandFailed, match=said):
            runner.run(["nft", "-f", "-"], script)
        assert look(runner, spec) == before


def test_a_table_that_is_not_there_is_told_in_the_same_words(director: Namespace) -> None:
    said = []
    for runner in (record(director), FaultyRunner()):
        with pytest.raises(CommandFailed) as caught:
            runner.run(["nft", "-j", "list", "table", "inet", "proxyfeed_nothing"])
        said.append(caught.value.message)

    assert said[0] == said[1]


@pytest.mark.parametrize("name", list(BAD_STREAMS))
def test_a_bad_stream_ends_at_the_same_line(director: Namespace, name: str) -> None:
    text = "".join(f"{line}\n" for line in BAD_STREAMS[name])
    ends = []
    for runner in (record(director), FaultyRunner(kernel=FakeKernel())):
        converge(Firewall(runner), SPEC, OLD)
        with pytest.raises(CommandFailed) as caught:
            runner.run(["ipset", "restore"], text)
        words = caught.value.message.partition("Error in ")[2].partition(":")[0]
        ends.append((words, look(runner), runner.run(["ipset", "list", "-n"]).split()))

    assert ends[0] == ends[1]


@pytest.mark.parametrize("name", list(BAD_RULES))
def test_a_bad_rule_undoes_those_before_it(director: Namespace, name: str) -> None:
    for runner in (record(director), FaultyRunner(kernel=FakeKernel())):
        converge(Firewall(runner), SPEC, OLD)
        before = look(runner)
        good = before.rules[4][0].replace("-A", "-D")
        with pytest.raises(CommandFailed):
            runner.run(
                ["iptables-restore", "--noflush", "-w", "10"],
                f"*mangle\n{good}\n{BAD_RULES[name]}\nCOMMIT\n",
            )
        assert look(runner) == before
