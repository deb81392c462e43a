"""
What a unit of systemd lets a program do, done to a program without systemd: its capabilities, its
view of the disk, its memory that is either written or executed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

# ProtectSystem=strict and ReadWritePaths=: all is read-only but /dev, /proc, /sys, the folder $1,
# where the program keeps its state, and the file $2, made anew in a /run of its own. $3 holds the
# variant of iptables that the host is to have.
_MOUNTS = """
set -eu
state=$1 lock=$2 variant=$3 umask=$4
shift 4
mount --bind "$state" "$state"
mount --bind "$variant" /usr/local/sbin
mount -t tmpfs -o mode=0755 none /run
touch "$lock"
mount --bind "$lock" "$lock"
findmnt --raw --noheadings --output TARGET | while read -r place; do
    case $place in
        /dev | /dev/* | /proc | /proc/* | /sys | /sys/* | "$state" | "$lock") ;;
        *) mount -o remount,bind,ro "$place" ;;
    esac
done
umask "$umask"
exec "$@"
"""
# MemoryDenyWriteExecute=yes, by the kernel's own switch for it (Linux 6.3).
_PR_SET_MDWE, _PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
_NO_WRITTEN_CODE = f"""
import ctypes, errno, os, sys
if ctypes.CDLL(None, use_errno=True).prctl({_PR_SET_MDWE}, {_PR_MDWE_REFUSE_EXEC_GAIN}, 0, 0, 0):
    assert ctypes.get_errno() == errno.EINVAL  # an older kernel: there it is left out
os.execvp(sys.argv[1], sys.argv[1:])
"""


def confined(
    settings: dict[str, list[str]], state: Path, variant: Path, *, without: Sequence[str] = ()
) -> tuple[str, ...]:
    """
    The words to put before a program, so that it runs as the unit with these *settings* lets it,
    less the capabilities in *without*.
    """
    kept = [name for name in settings["CapabilityBoundingSet"] if name not in without]
    bounding = ",".join(["-all", *(f"+{name.removeprefix('CAP_').lower()}" for name in kept)])
    (umask,), (lock,) = settings["UMask"], settings["ReadWritePaths"]
    assert settings["ProtectSystem"] == ["strict"]
    assert settings["MemoryDenyWriteExecute"] == settings["NoNewPrivileges"] == ["yes"]
    return (
        *("unshare", "--mount", "--propagation=private"),
        *("sh", "-c", _MOUNTS, "sh", str(state), lock.removeprefix("-"), str(variant), umask),
        *("setpriv", f"--bounding-set={bounding}", "--inh-caps=-all", "--no-new-privs"),
        *(sys.executable, "-c", _NO_WRITTEN_CODE),
        # The host's own lock, and not that of the tests.
        *("env", "--unset=XTABLES_LOCKFILE"),
    )
