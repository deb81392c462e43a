"""
A director of the tests whose commands work on a kernel: night after night on real sets and rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from tests.commands.director import Director, text
from tests.kernel.backends import KernelBackend
from tests.kernel.namespaces import Namespace

from proxyfeed.commands.diff import diff
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.status import status
from proxyfeed.model import Outcome
from proxyfeed.prefixes import PrefixSet


@dataclass
class KernelDirector(Director):
    """
    A director whose commands work on the kernel of *namespace*.
    """

    namespace: Namespace = field(init=False)
    backend: KernelBackend = field(init=False)

    def configure(self, toml: str) -> None:
        word = f'backend = "{self.backend.spec.backend}"'
        super().configure(toml.replace("[sets.relay]\n", f"[sets.relay]\n{word}\n"))

    def doors(self) -> Doors:
        return replace(super().doors(), firewall=self.backend.firewall(self.namespace))

    def live(self) -> PrefixSet:
        """
        What the kernel holds of set `relay`, by its own listing.
        """
        return self.backend.held(self.namespace, "relay")

    def kernel(self) -> str:
        """
        All sets and rules; a set that is made anew has another ``initval``, and a rule of nft that
        is put in anew another handle.
        """
        return "\n".join([self.namespace.run("ipset", "save").stdout, self.ruleset()])

    def ruleset(self) -> str:
        return self.namespace.run("nft", "--stateless", "-a", "list", "ruleset").stdout

    def chains(self) -> list[str]:
        """
        The chains with their rules, those of iptables too; without the sets.
        """
        return [part for part in self.ruleset().split("\n\n") if "chain " in part]

    def after(self, span: timedelta, *prefixes: str) -> Outcome:
        """
        Update when *span* has passed, with *prefixes* published, or with the file as it was.
        """
        self.now += span
        if prefixes:
            self.publish(to="relay.txt", body=text(*prefixes))
        return self.update()

    def fail(self, nights: int) -> Outcome:
        """
        Let so many nights pass without a list.
        """
        (self.folder / "relay.txt").unlink(missing_ok=True)
        for _ in range(nights):
            outcome = self.night()
        return outcome

    def status(self) -> Outcome:
        return status(self.config, self.doors())

    def diff(self) -> Outcome:
        return diff(self.config, self.doors(), ())


# Start a director with a configuration, on the kernel of a namespace.
Start = Callable[[str, Namespace], KernelDirector]
