"""
A kernel with IPVS for one scenario: Debian's user-mode Linux, an ordinary process of this machine.

The guest sees this machine's files, so it has every tool and the virtual environment that runs the
tests; what it writes stays in its memory, but for one folder. Its firewall, its virtual services
and its network are its own. It needs neither root nor KVM.
"""

from __future__ import annotations

import json
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kernel.namespaces import SYSTEM_PATH

import proxyfeed

KERNEL = "linux.uml"
_HERE = Path(__file__).parent
_REPOSITORY = _HERE.parents[1]
_SOURCE = Path(proxyfeed.__file__).parents[1]
# Of the machine's memory, and only as much as is touched: 90 MiB in the largest scenario.
_MEMORY = "256M"
_PACKAGES = {
    KERNEL: "user-mode-linux",
    "busybox": "busybox-static",
    "ip": "iproute2",
    "ipset": "ipset",
    "iptables-legacy": "iptables",
    "ipvsadm": "ipvsadm",
    "keepalived": "keepalived",
    "ldirectord": "ldirectord",
}
# Without it ldirectord exits at its first HTTP check of an IPv6 server.
_PERL_MODULE = ("Net/INET6Glue.pm", "libnet-inet6glue-perl")


class BootError(Exception):
    """
    The guest did not come to its end: all that it printed.
    """


@dataclass(frozen=True)
class Guest:
    """
    A guest that has powered off: the status of its command, what it printed, what it found.
    """

    code: int
    printed: str
    found: Any


def missing_parts(path: str = SYSTEM_PATH) -> list[str]:
    """
    Say what the lab lacks on this machine, each with the Debian package that has it.
    """
    missing = [
        f"{program} is not installed (Debian package {package})"
        for program, package in _PACKAGES.items()
        if shutil.which(program, path=path) is None
    ]
    module, package = _PERL_MODULE
    if not any((Path(root) / module).exists() for root in ("/usr/share/perl5", "/etc/perl")):
        missing.append(f"{module} of Perl is not installed (Debian package {package})")
    return missing


def run_scenario(name: str, *, timeout: float = 240) -> Guest:
    """
    Boot a guest, call the function *name* of `tests.lab.scenarios` in it, and return what it found.

    Raises:
        BootError: when the scenario failed, or the guest did not come so far.
    """
    argv = (sys.executable, "-m", "tests.lab.inside", name)
    guest = boot(argv, timeout=timeout)
    if guest.code:
        raise BootError(f"scenario {name} failed with {guest.code}:\n{guest.printed}")
    return guest


def boot(argv: Sequence[str], *, timeout: float) -> Guest:
    """
    Boot a guest for one command.

    Raises:
        BootError: when it is not at its end within *timeout* seconds, or never got there.
    """
    # Words of the kernel's command line end at a blank, so not below a TMPDIR that may have one.
    with tempfile.TemporaryDirectory(prefix="lab-", dir="/tmp") as folder:
        lab = Path(folder)
        out = lab / "out"
        out.mkdir()
        shutil.copy(_HERE / "init.sh", lab / "init")
        (lab / "init").chmod(0o755)
        (lab / "command").write_text(_command(argv, out), "utf-8")
        printed = _run(lab, timeout)
        code = _code(printed)
        result = out / "found.json"
        found = json.loads(result.read_text("utf-8")) if result.exists() else None
    return Guest(code, printed, found)


def _command(argv: Sequence[str], out: Path) -> str:
    environment = {
        "PATH": SYSTEM_PATH,
        "HOME": "/root",
        "LAB_OUT": str(out),
        "PYTHONPATH": f"{_REPOSITORY}:{_SOURCE}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    words = ["env", "-i", *(f"{name}={value}" for name, value in environment.items()), *argv]
    return f"cd /tmp\nexec {shlex.join(words)}\n"


def _run(lab: Path, timeout: float) -> str:
    """
    Run the kernel until it powers off, and return what it printed.
    """
    # Its memory is a file that it unlinks at once, and runs code in.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else str(lab)
    kernel = shutil.which(KERNEL, path=SYSTEM_PATH) or KERNEL
    argv = [
        *(kernel, f"mem={_MEMORY}", "rootfstype=hostfs", "rootflags=/", "ro", f"init={lab}/init"),
        *("con=null", "con0=null,fd:1", "ssl=null", "quiet", "loglevel=3", "panic=1"),
        *(f"uml_dir={lab}/", "umid=vm", f"LAB={lab}"),
    ]
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": SYSTEM_PATH, "HOME": str(lab), "TMPDIR": memory},
        # The kernel has processes of its own; all of them end with it.
        start_new_session=True,
        preexec_fn=_open_many_files,
    )
    try:
        printed, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _kill(process)
        printed, _ = process.communicate()
        raise BootError(f"after {timeout:.0f} s the guest still ran:\n{_text(printed)}") from None
    except BaseException:
        _kill(process)
        process.communicate()
        raise
    return _text(printed)


def _open_many_files() -> None:
    """
    Let this process have as many files open as it ever may: the guest keeps open whatever it has
    looked at, and a login usually allows 1,024.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _text(printed: bytes) -> str:
    return printed.decode("utf-8", "replace").replace("\r\n", "\n")


def _code(printed: str) -> int:
    """
    Return N of the last line, ``rc=N``; the kernel itself exits with 0 whatever happened in it.
    """
    lines = [line for line in printed.splitlines() if line.startswith("rc=")]
    if not lines:
        raise BootError(f"the guest never came to its end:\n{printed}")
    return int(lines[-1].removeprefix("rc="))
