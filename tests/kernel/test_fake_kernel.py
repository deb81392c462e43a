"""
The fake kernel of the fault tests answers as the real one does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.fake_kernel import FakeKernel, FaultyRunner
from tests.kernel.namespaces import Namespace
from tests.kernel.product import NEAR, NET, NEW, OLD, SPEC, record, served

from proxyfeed.converge import converge, remove_rules
from proxyfeed.errors import CommandFailed
from proxyfeed.firewall import Firewall, Runner
from proxyfeed.model import Live

pytestmark = pytest.mark.kernel

SERVED = replace(SPEC, virtual=served((80, "tcp"), (53, "udp")))
STEPS: dict[str, Callable[[Firewall], object]] = {
    "first": lambda firewall: converge(firewall, SPEC, OLD),
    "delta": lambda firewall: converge(firewall, SPEC, NEAR),
    "replace": lambda firewall: converge(firewall, SPEC, NEW),
    "services": lambda firewall: converge(firewall, SERVED, NEW),
    "mask": lambda firewall: converge(firewall, replace(SERVED, mask=0xFF), NEW),
    "one family": lambda firewall: converge(firewall, replace(SPEC, families=(6,)), OLD),
    "rule removed": lambda firewall: remove_rules(firewall, SPEC),
    "both again": lambda firewall: converge(firewall, SPEC, OLD),
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


def look(runner: Runner) -> Live:
    return Firewall(runner).read(SPEC)


def test_every_step_takes_the_same_commands_and_ends_the_same(director: Namespace) -> None:
    real, fake = record(director), FaultyRunner()

    for name, step in STEPS.items():
        step(Firewall(real))
        step(Firewall(fake))
        assert [command.argv for command in fake.log] == real.commands, name
        assert look(fake) == look(real), name


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
