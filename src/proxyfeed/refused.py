"""
What the operating system refused, for a person: what it said, and what to look at next.
"""

from __future__ import annotations

import errno

_LOOK_AT = {
    errno.ENOSPC: "df -h; df -i",
    errno.EDQUOT: "quota",
    errno.EROFS: "findmnt --options ro",
    errno.EIO: "dmesg | tail",
    errno.ESTALE: "findmnt --types nfs,nfs4",
    errno.ENOMEM: "free -h",
    errno.EAGAIN: "ulimit -u",
    errno.EMFILE: "ulimit -n",
    errno.ENFILE: "sysctl fs.file-nr",
    errno.EACCES: "run it as root",
    errno.EPERM: "run it as root",
}


def said(exc: OSError) -> str:
    """
    The words for people: ``No space left on device``.
    """
    return exc.strerror or str(exc) or type(exc).__name__


def look_at(exc: OSError, otherwise: str) -> str:
    """
    What to type next, where the error alone tells that; *otherwise* where it does not.
    """
    return _LOOK_AT.get(exc.errno or 0, otherwise)
