"""
What can happen to one command, or to the kernel between two of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tests.fake_kernel import Command, FakeKernel, Fault

from proxyfeed.errors import CommandFailed, NoRights, ToolMissing
from proxyfeed.firewall.ipset import net_set

Choose = Callable[[int, Command], Fault]
NET = {family: net_set("aol", family) for family in (4, 6)}
TABLE = "inet proxyfeed_aol"

# ------------------------------------------------------------------ a command that goes wrong


def cannot_start(command: Command) -> str:
    raise CommandFailed(f"{command.argv[0]} cannot be started: Cannot allocate memory")


def is_missing(command: Command) -> str:
    raise ToolMissing(f"{command.argv[0]} is not installed")


def is_refused(command: Command) -> str:
    raise NoRights(f"this user may not run {command}: Operation not permitted")


def fails_though_done(command: Command) -> str:
    command.carry_out()
    raise CommandFailed(f"{command} failed: exit code 1, and not a word")


def times_out(command: Command) -> str:
    command.carry_out(len(command.lines) // 2)
    raise CommandFailed(f"{command} was not done after 120 s")


def lies(command: Command) -> str:
    return "" if command.writes else command.carry_out()


def loses_an_entry(command: Command) -> str:
    printed = command.carry_out()
    for table, name in re.findall(r"add element (inet \S+) (\S+)", "\n".join(command.lines)):
        command.kernel.tables[table].sets[name].elements.pop()
        return printed
    for name in re.findall(r"(?:add|swap \S+|rename \S+) (\S+)", "\n".join(command.lines)):
        if name in command.kernel.sets and command.kernel.sets[name].members:
            command.kernel.sets[name].members.pop()
            break
    return printed


def stops_at(line: int) -> Fault:
    def stop(command: Command) -> str:
        command.carry_out(line)
        raise CommandFailed(f"{command} failed: Error in line {line + 1}: Kernel error received")

    return stop


ONCE = (cannot_start, is_missing, is_refused, fails_though_done, times_out, lies, loses_an_entry)
# Those that leave no stream half done, and those that do.
WHOLE = (cannot_start, fails_though_done, lies)
LASTING = (*WHOLE, times_out, stops_at(1))

# ------------------------------------------------------------------ which commands go wrong


def by_number(faults: Mapping[int, Fault]) -> Choose:
    return lambda number, command: faults.get(number, Command.carry_out)


def lasting_from(first: int, is_affected: Callable[[Command], bool], fault: Fault) -> Choose:
    def choose(number: int, command: Command) -> Fault:
        return fault if number >= first and is_affected(command) else Command.carry_out

    return choose


def is_ipset_stream(command: Command) -> bool:
    return command.argv[:2] == ("ipset", "restore")


def is_rule_stream(command: Command) -> bool:
    return command.writes and command.argv[0] not in ("ipset", "nft")


def is_transaction(command: Command) -> bool:
    return command.argv == ("nft", "-f", "-")


def is_ipv6_rule_stream(command: Command) -> bool:
    return command.writes and command.argv[0] == "ip6tables-restore"


def is_destroy(command: Command) -> bool:
    return "destroy" in command.argv


def is_reading(command: Command) -> bool:
    return not command.writes


def is_writing(command: Command) -> bool:
    return command.writes


def is_any(_command: Command) -> bool:
    return True


AFFECTED = (
    is_ipset_stream,
    is_rule_stream,
    is_ipv6_rule_stream,
    is_transaction,
    is_destroy,
    is_reading,
    is_writing,
    is_any,
)

# ------------------------------------------------------------------ another hand


def removes_an_entry(kernel: FakeKernel) -> None:
    if NET[4] in kernel.sets and kernel.sets[NET[4]].members:
        kernel.sets[NET[4]].members.pop(0)


def adds_an_entry(kernel: FakeKernel) -> None:
    if NET[6] in kernel.sets:
        kernel.sets[NET[6]].members.append("2001:db8:ffff::/48")


def deletes_the_rule(kernel: FakeKernel) -> None:
    kernel.rules["nft", 4].clear()


def destroys_the_set(kernel: FakeKernel) -> None:
    for variant in ("nft", "legacy"):
        kernel.rules[variant, 4].clear()
    kernel.sets.pop(NET[4], None)


def cleans_up(kernel: FakeKernel) -> None:
    rules = [rule for rules in kernel.rules.values() for rule in rules]
    for name in [each for each in kernel.sets if each.endswith("_new")]:
        if not any(f" {name} " in rule for rule in rules):
            del kernel.sets[name]


def removes_an_element(kernel: FakeKernel) -> None:
    if TABLE in kernel.tables and "addresses_4" in kernel.tables[TABLE].sets:
        del kernel.tables[TABLE].sets["addresses_4"].elements[:1]


def adds_a_chain(kernel: FakeKernel) -> None:
    if TABLE in kernel.tables:
        kernel.tables[TABLE].chains["theirs"] = ""


def flushes_the_ruleset(kernel: FakeKernel) -> None:
    # What iptables-nft has made goes with it.
    kernel.tables.clear()
    for family in NET:
        kernel.rules["nft", family].clear()


# By each, the command that would see what it did.
HANDS: dict[Callable[[FakeKernel], None], str] = {
    removes_an_entry: f"ipset save {NET[4]}",
    adds_an_entry: f"ipset save {NET[6]}",
    deletes_the_rule: "iptables -w 10 -t mangle -S PREROUTING",
    destroys_the_set: "iptables -w 10 -t mangle -S PREROUTING",
    cleans_up: "ipset list -n",
    removes_an_element: f"nft -j list table {TABLE}",
    adds_a_chain: f"nft -j list table {TABLE}",
    flushes_the_ruleset: f"nft -j list table {TABLE}",
}


def meddled_by(hand: Callable[[FakeKernel], None]) -> Fault:
    def meddle(command: Command) -> str:
        hand(command.kernel)
        return command.carry_out()

    return meddle
