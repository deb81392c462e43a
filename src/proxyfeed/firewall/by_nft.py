"""
A set as a table of nftables of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import replace

from proxyfeed.command import Runner
from proxyfeed.errors import CommandFailed, ToolMissing
from proxyfeed.firewall.nft import (
    OWN_PREFIX,
    bridge_of,
    delete_lines,
    removal,
    rules_transaction,
    table_of,
    transactions,
)
from proxyfeed.firewall.nft_listing import parse_names, parse_table
from proxyfeed.model import Live, Plan, RulePlan
from proxyfeed.prefixes import FAMILIES

# What nft says on a kernel without nf_tables, where no table can be.
_NO_NFT = ("Protocol not supported", "Operation not supported", "initialization failed: Invalid")
# Of the table itself, by its one tab; the flags of a set have two.
_IS_DORMANT = re.compile(r"^\tflags .*\bdormant\b", re.MULTILINE)


class ByNft:
    """
    The tables of this network namespace.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def read(self, set_name: str) -> Live:
        """
        Look at all that is there of one set; without its table there are no rules either.
        """
        tables = self._tables()
        live = Live(rules=dict.fromkeys(FAMILIES, ()))
        if table_of(set_name) in tables:
            live = self._read_table(set_name)
        left_over = tuple(name for name in tables if name == bridge_of(set_name))
        return replace(live, temporaries=left_over)

    def read_former(self, set_name: str) -> Live | None:
        """
        What is there of a set that another backend serves now, None for nothing.
        """
        if not {table_of(set_name), bridge_of(set_name)} & set(self._tables_if_any()):
            return None
        return self.read(set_name)

    def orphans(self, set_names: Collection[str]) -> tuple[str, ...]:
        """
        The tables of ours that belong to none of *set_names*.
        """
        known = {name(owner) for owner in set_names for name in (table_of, bridge_of)}
        return tuple(sorted(set(self._tables_if_any()) - known))

    def write(self, plan: Plan) -> None:
        for script in transactions(plan):
            self._runner.run(["nft", "-f", "-"], script)
        if script := removal(plan):
            # What cannot be removed is no reason to keep new content out, and `status` names it.
            with suppress(CommandFailed):
                self._runner.run(["nft", "-f", "-"], script)

    def set_rules(self, set_name: str, rules: Iterable[RulePlan]) -> None:
        wanted = [rule.wanted for rule in rules if rule.wanted]
        self._runner.run(["nft", "-f", "-"], rules_transaction(set_name, wanted))

    def retire(self, set_name: str) -> None:
        """
        Take out what is left of a set that another backend serves now.
        """
        lines = (*delete_lines(table_of(set_name)), *delete_lines(bridge_of(set_name)))
        self._runner.run(["nft", "-f", "-"], "".join(f"{line}\n" for line in lines))

    def listing(self) -> str:
        """
        All that is there, without what the sets hold; nothing where nft cannot be.
        """
        words = ["nft", "--terse", "--numeric-priority", "list", "ruleset"]
        return self._run_if_any(words)

    def _read_table(self, set_name: str) -> Live:
        table = table_of(set_name).split()
        listing = self._runner.run(["nft", "-j", "list", "table", *table])
        try:
            return parse_table(listing, set_name)
        except CommandFailed:
            # While a table is dormant the kernel looks at nothing in it, so nothing is held.
            if _IS_DORMANT.search(self._runner.run(["nft", "--terse", "list", "table", *table])):
                return Live(rules=dict.fromkeys(FAMILIES, ()), odd=("flag dormant",))
            raise

    def _tables(self) -> tuple[str, ...]:
        """
        The tables of ours: ``inet proxyfeed_aol``.

        Not as JSON: 1.0.6 breaks it where any table of the host has a flag.
        """
        return self._named(self._runner.run(["nft", "list", "tables"]))

    def _tables_if_any(self) -> tuple[str, ...]:
        """
        The same; where nft cannot be, there are none.
        """
        return self._named(self._run_if_any(["nft", "list", "tables"]))

    def _named(self, listing: str) -> tuple[str, ...]:
        names = parse_names(listing)
        return tuple(f"inet {name}" for name in names if name.startswith(OWN_PREFIX))

    def _run_if_any(self, words: list[str]) -> str:
        """
        What nft prints, and "" where there is none.
        """
        try:
            return self._runner.run(words)
        except ToolMissing:
            return ""
        except CommandFailed as exc:
            if any(sign in exc.message for sign in _NO_NFT):
                return ""
            raise
