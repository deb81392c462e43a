"""
Who besides its owner may change or read what root goes by: looked at before use, as sudo and ssh
do.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from proxyfeed.errors import Exposed

_GROUP_OR_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
# What SQLite reads beside a database: whoever can make a journal writes into the database.
_BESIDE = ("-wal", "-shm", "-journal")
# In a user namespace, owners that it does not know show up as these: 65534, if nobody changed it.
_OVERFLOW = {"uid": "/proc/sys/kernel/overflowuid", "gid": "/proc/sys/kernel/overflowgid"}
# The map of a process in no user namespace but the first: every user is there, as itself.
_WHOLE_MAP = ["0", "0", "4294967295"]


@dataclass(frozen=True, slots=True)
class Caller:
    """
    Who runs the program.

    In a user namespace *unknown_uid* and *unknown_gid* stand for all that it does not know, the
    real root included; they are None where 65534 is nobody and nobody else.
    """

    uid: int
    gid: int
    unknown_uid: int | None = None
    unknown_gid: int | None = None

    def believes(self, owner: int) -> bool:
        return self.uid != 0 or owner in (0, self.unknown_uid)


def caller() -> Caller:
    """
    The user that this process runs as.
    """
    uid, gid = os.geteuid(), os.getegid()
    if _first_line("/proc/self/uid_map").split() == _WHOLE_MAP:
        return Caller(uid, gid)
    unknown = {kind: _first_line(path) for kind, path in _OVERFLOW.items()}
    return Caller(uid, gid, *(int(text) if text.isdecimal() else None for text in unknown.values()))


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text("ascii").partition("\n")[0].strip()
    except OSError:
        return ""  # no /proc: then there is no namespace to know of


def check_settings(path: Path, found: os.stat_result, what: str, who: Caller) -> None:
    """
    Refuse the file at *path*, *what* in words, if anybody else may change it.

    *found* is of the descriptor that is read, so that no other file can slip in between.

    Raises:
        Exposed: its group or others may write to it, root does not own it and is to go by it, or
            anybody may put another in its place.
    """
    _check(path, found, what, _GROUP_OR_OTHERS_WRITE, who)
    _check_way(path, what)


def check_database(path: Path, who: Caller) -> None:
    """
    Refuse the SQLite file at *path*, which need not be there yet, if anybody else may change it.

    Raises:
        Exposed: others may write to it, to a journal of it or to its folder, even to one as
            ``/tmp``, or root is to believe what another user wrote.
    """
    real = Path(os.path.realpath(path))
    for one in (real, *(real.with_name(real.name + suffix) for suffix in _BESIDE)):
        if found := _stat(one):
            _check(one, found, "database", stat.S_IWOTH, who)
    if found := _stat(real.parent):
        _check(real.parent, found, "folder of the database", stat.S_IWOTH, who)
    _check_way(path, "database")


def readers(path: Path, found: os.stat_result, who: Caller) -> str:
    """
    Who else may read the file or folder at *path*: "everybody", "group adm", or "" for nobody.

    Root's group and that of the user who runs the program are no strangers. What lies in a folder
    that strangers cannot enter is not read by them, whatever its own mode.
    """
    folders = [folder for folder in map(_stat, _way(path)) if folder]
    if found.st_mode & stat.S_IROTH and all(one.st_mode & stat.S_IXOTH for one in folders):
        return "everybody"
    group = found.st_gid
    if not found.st_mode & stat.S_IRGRP or group in (0, who.gid, who.unknown_gid):
        return ""
    is_open = all(one.st_mode & stat.S_IXOTH or _lets_in(one, group) for one in folders)
    return f"group {_group_name(group)}" if is_open else ""


def readable_database(path: Path, who: Caller) -> tuple[str, ...]:
    """
    Say what of the database at *path* others may read, a sentence for each, with its remedy.
    """
    real = Path(os.path.realpath(path))
    return tuple(
        f"{others} may read the {what} {place} (mode {_mode(found)}): {command} {_quoted(place)}"
        for what, place, command in (
            ("folder of the database", real.parent, "chmod o-rwx"),
            ("database", real, "chmod o-r"),
        )
        if (found := _stat(place)) and (others := readers(place, found, who)) == "everybody"
    )


def _check(path: Path, found: os.stat_result, what: str, forbidden: int, who: Caller) -> None:
    commands = []
    if not who.believes(found.st_uid):
        commands.append(f"chown root {_quoted(path)}")
    if found.st_mode & forbidden:
        is_for_others = forbidden == stat.S_IWOTH
        commands.append(f"chmod {'o-w' if is_for_others else 'go-w'} {_quoted(path)}")
    if commands:
        raise Exposed(
            f"the {what} {path} can be changed by others (mode {_mode(found)}, owner "
            f"{_owner(found)}), so nothing was done by it; sets and rules stay as they are",
            hint=" && ".join(commands),
        )


def _check_way(path: Path, what: str) -> None:
    """
    Refuse a way to *path* on which anybody may put another file in its place.
    """
    for folder in _way(path):
        found = _stat(folder)
        if found and found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
            raise Exposed(
                f"the {what} {path} can be replaced by anybody: {folder} is on the way to it "
                f"(mode {_mode(found)}, owner {_owner(found)}), so nothing was done by it; sets "
                "and rules stay as they are",
                hint=f"chmod o-w {_quoted(folder)}",
            )


def _way(path: Path) -> Iterator[Path]:
    """
    Every folder that a name is looked up in to find *path*, also behind symbolic links.
    """
    place = Path("/")
    for name in path.absolute().parts[1:]:
        yield place
        place = place.parent if name == ".." else place / name
        if os.path.islink(place):  # noqa: PTH114 - that of Path raises where nobody may look
            yield from _way(place.parent / place.readlink())
            place = Path(os.path.realpath(place))


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None  # not there, or beyond reach: then opening it fails, and says why


def _lets_in(folder: os.stat_result, group: int) -> bool:
    return folder.st_gid == group and bool(folder.st_mode & stat.S_IXGRP)


def _mode(found: os.stat_result) -> str:
    return f"{stat.S_IMODE(found.st_mode):04o}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _owner(found: os.stat_result) -> str:
    """
    Name owner and group as ``ls -l`` does: ``alice:users``, or by number.
    """
    import pwd

    try:
        user = pwd.getpwuid(found.st_uid).pw_name
    except KeyError:
        user = str(found.st_uid)
    return f"{user}:{_group_name(found.st_gid)}"


def _group_name(gid: int) -> str:
    import grp

    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
