"""
The table of virtual services of this network namespace, by ``ipvsadm``.
"""

from __future__ import annotations

from collections.abc import Sequence

from proxyfeed.command import Runner
from proxyfeed.errors import Unequipped
from proxyfeed.lvs.connections import read_connections
from proxyfeed.lvs.table import parse_table
from proxyfeed.model import Connection, LiveService


class Ipvs:
    """
    Read whole, written line by line; nothing here decides what.
    """

    def __init__(self, runner: Runner | None = None) -> None:
        self._runner = runner or Runner()

    def read(self) -> tuple[LiveService, ...]:
        """
        Raises:
            KernelError, Unequipped: it could not be looked at. Absent is never the answer then.
        """
        return parse_table(self._runner.run(["ipvsadm", "--save", "--numeric"]))

    def write(self, lines: Sequence[str]) -> None:
        """
        Carry *lines* out in one process, as fast as can be.

        It goes on after a line that fails, and its exit code is that of the last line alone
        (ipvsadm 1.31): only reading back tells, and `type` tells why.
        """
        self._runner.run(["ipvsadm", "--restore"], "".join(f"{line}\n" for line in lines))

    def type(self, line: str) -> None:
        """
        Carry one line out.

        Raises:
            KernelError, Unequipped: it failed, with what ipvsadm said.
        """
        words = line.split()
        try:
            self._runner.run(["ipvsadm", *words])
        except Unequipped as exc:
            if "-s" in words and "cheduler" in exc.message:
                raise Unequipped(
                    exc.message, hint=f"modprobe ip_vs_{words[words.index('-s') + 1]}"
                ) from exc
            raise

    def connections(self) -> tuple[Connection, ...]:
        """
        All connections and persistence templates of now.

        Raises:
            KernelError, Unequipped: they could not be looked at.
        """
        listing = self._runner.run(["ipvsadm", "--list", "--connection", "--numeric"])
        return tuple(read_connections(listing))

    def addresses(self) -> str:
        """
        The addresses of this machine, as ``ip`` prints them.
        """
        return self._runner.run(["ip", "-oneline", "address", "show"])
