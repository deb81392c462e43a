"""
Giving up every right, for good, and making sure of it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from proxyfeed.errors import NoRights
from proxyfeed.sources.apart import kernel

_NEEDED = {
    "CAP_SETUID": kernel.CAP_SETUID,
    "CAP_SETGID": kernel.CAP_SETGID,
    "CAP_KILL": kernel.CAP_KILL,
}
HINT = "give it CAP_SETUID, CAP_SETGID and CAP_KILL, or set fetch_as to the user that it runs as"


@dataclass(frozen=True, slots=True)
class Identity:
    """
    The user that root's child becomes.
    """

    name: str
    uid: int
    gid: int

    @classmethod
    def of(cls, name: str) -> Identity:
        import pwd

        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            raise NoRights(
                f"there is no user {name!r} to fetch and read as",
                hint="name one that exists: fetch_as in the configuration",
            ) from None
        return cls(name, entry.pw_uid, entry.pw_gid)


def check_rights(identity: Identity | None) -> None:
    """
    Make sure that a child can be made *identity*, and be ended once it is.

    Raises:
        NoRights: root has lost the capabilities for that.
    """
    if identity is None or not _changes_user(identity):
        return
    try:
        standing = kernel.Standing.now()
    except OSError as exc:
        raise _refused(identity, f"/proc/self/status: {exc.strerror}") from exc
    missing = [name for name, number in _NEEDED.items() if not standing.may(number)]
    if missing:
        raise _refused(identity, f"it lacks {', '.join(missing)}")


def drop_rights(identity: Identity | None) -> None:
    """
    Become *identity* (None: stay who we are) and lose every capability, with no way back.

    In a user namespace that does not know *identity*, as after ``unshare -rn``, the user stays.

    Raises:
        NoRights: something was refused, or the kernel says that a right is left. Some may be gone
            then, and nobody should go on.
    """
    if identity is not None and not _changes_user(identity):
        identity = None
    try:
        kernel.forbid_new_privileges()
        kernel.empty_bounding_set()
        if identity is not None:
            os.setgroups([])
            os.setresgid(identity.gid, identity.gid, identity.gid)
            os.setresuid(identity.uid, identity.uid, identity.uid)
        kernel.empty_capabilities()
        kernel.hide_memory()
        left = _rights_left(identity)
    except OSError as exc:
        raise _refused(identity, exc.strerror or str(exc)) from exc
    if left:
        raise _refused(identity, left)


def _changes_user(identity: Identity) -> bool:
    return (
        os.geteuid() == 0
        and identity.uid != 0
        and kernel.maps_user(identity.uid)
        and kernel.maps_group(identity.gid)
    )


def _rights_left(identity: Identity | None) -> str:
    """
    What the kernel still grants, in words; "" for nothing.
    """
    standing = kernel.Standing.now()
    for name, bits in standing.capabilities.items():
        if bits:
            return f"{name} is still {bits:#x}"
    if not standing.has_no_new_privileges:
        return "new programs may still have more rights"
    if identity is None:
        return ""
    if standing.uids != {identity.uid} or standing.gids != {identity.gid} or standing.groups:
        return f"it is still one of {sorted(standing.uids | standing.gids | standing.groups)}"
    try:
        os.setresuid(0, 0, 0)
    except PermissionError:
        return ""
    return "it can become root again"


def _refused(identity: Identity | None, why: str) -> NoRights:
    whom = f"as {identity.name}" if identity else "without rights"
    return NoRights(f"nothing is fetched or read, as it cannot be done {whom}: {why}", hint=HINT)
