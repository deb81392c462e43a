"""
A file that another program reads, replaced so that it is whole at every instant.

Beside ``proxies.lst`` two more files can stand. ``.proxies.lst.new`` is a temporary one; a killed
run leaves it, and the next one makes it anew. ``proxies.lst.before-reload`` is the content of
before: it stays until the program that reads the list has been told, so that a run that was killed
in between, or whose command failed, is followed by one that tells it. It is empty where there was
no file before.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from proxyfeed.errors import OperatorMistake, Unequipped
from proxyfeed.refused import look_at, said

_READABLE_TO_ALL = 0o644


@dataclass(frozen=True, slots=True)
class Replaced:
    """
    One file that is replaced as a whole.
    """

    path: Path

    @property
    def former(self) -> Path:
        return self.path.with_name(f"{self.path.name}.before-reload")

    @property
    def waits_for_reload(self) -> bool:
        return os.path.lexists(self.former)

    @property
    def has_former(self) -> bool:
        """
        Whether there is a list to go back to.
        """
        try:
            return self.former.lstat().st_size > 0
        except FileNotFoundError:
            return False

    def read(self) -> bytes | None:
        """
        What is there now, None for no file.

        Raises:
            OperatorMistake: something is there that is no file.
            Unequipped: it cannot be read.
        """
        try:
            # Through no symbolic link: root would write where somebody points it to.
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as exc:
            if self.path.is_symlink():
                raise self._no_file("a symbolic link; name what it leads to") from exc
            raise self._refused("read", exc) from exc
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise self._no_file("no file")
            with os.fdopen(os.dup(descriptor), "rb") as stream:
                return stream.read()
        except OSError as exc:
            raise self._refused("read", exc) from exc
        finally:
            os.close(descriptor)

    def write(self, content: bytes, *, will_reload: bool) -> None:
        """
        Put *content* in the place of what is there, with its owner and mode.

        With *will_reload* the content of before is kept until `reloaded`.

        Raises:
            Unequipped: it cannot be written; what was there is untouched.
        """
        temporary = self.path.with_name(f".{self.path.name}.new")
        try:
            if will_reload and not self.waits_for_reload:
                self._put(self.former, temporary, self.read() or b"")
            self._put(self.path, temporary, content)
        except OSError as exc:
            raise self._refused("written", exc) from exc

    def reloaded(self) -> None:
        """
        Note that who reads the file has read it.
        """
        try:
            self.former.unlink(missing_ok=True)
            self._sync_folder()
        except OSError as exc:
            raise Unequipped(
                f"{self.former} cannot be removed: {said(exc)}; {self.path} is right and was "
                "reloaded, and the next run reloads it again",
                hint=look_at(exc, otherwise=f"ls -ld {self.path.parent}"),
            ) from exc

    def _put(self, path: Path, temporary: Path, content: bytes) -> None:
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                self._dress(stream.fileno())
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        self._sync_folder()

    def _dress(self, descriptor: int) -> None:
        """
        Give a new file the owner and the mode of what is there.
        """
        try:
            found = self.path.stat(follow_symlinks=False)
        except FileNotFoundError:
            # Published ranges are no secret, and who reads them may have few rights.
            os.fchmod(descriptor, _READABLE_TO_ALL)
            return
        mine = os.fstat(descriptor)
        if (found.st_uid, found.st_gid) != (mine.st_uid, mine.st_gid):
            os.fchown(descriptor, found.st_uid, found.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(found.st_mode))

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _no_file(self, what: str) -> OperatorMistake:
        return OperatorMistake(f"{self.path} is {what}; nothing was written", hint="--output FILE")

    def _refused(self, what: str, exc: OSError) -> Unequipped:
        return Unequipped(
            f"{self.path} cannot be {what}: {said(exc)}; it is as it was",
            hint=look_at(exc, otherwise=f"ls -ld {self.path.parent}"),
        )
