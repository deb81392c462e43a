"""
One writer at a time, told with real processes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import proxyfeed
from proxyfeed.errors import LockHeld, StoreError
from proxyfeed.lock import exclusive

# Takes the lock, says so, and keeps it until its standard input ends.
HOLDER = """
import sys
from pathlib import Path
from proxyfeed.lock import exclusive
with exclusive(Path(sys.argv[1]), "proxyfeed update, since 2026-11-20 03:30:00 UTC"):
    print("held", flush=True)
    sys.stdin.read()
"""
# The same, with a program at work that outlives it.
HOLDER_OF_A_TOOL = HOLDER.replace(
    '    print("held"',
    '    import subprocess\n    subprocess.Popen(["cat"])\n    print("held"',
)


@contextmanager
def holder(path: Path, script: str = HOLDER) -> Iterator[subprocess.Popen[str]]:
    """
    Another process that has the lock.
    """
    source = str(Path(proxyfeed.__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "proxyfeed.db.lock"


def test_the_second_run_is_told_who_is_the_first(path: Path) -> None:
    with holder(path) as first:
        with pytest.raises(LockHeld) as caught, exclusive(path, "proxyfeed apply"):
            pytest.fail("two runs at once")

        assert caught.value.message == (
            f"another run holds {path}: "
            f"pid {first.pid}, proxyfeed update, since 2026-11-20 03:30:00 UTC"
        )
        assert caught.value.exit_code == 6
        assert path.read_text("utf-8").startswith(f"pid {first.pid}, ")


def test_a_run_that_ends_lets_go(path: Path) -> None:
    with holder(path) as first:
        first.communicate()
        assert first.returncode == 0

        with exclusive(path, "proxyfeed apply"):
            assert path.read_text("utf-8") == f"pid {os.getpid()}, proxyfeed apply\n"


def test_a_run_that_is_killed_lets_go(path: Path) -> None:
    with holder(path) as first:
        first.kill()
        first.wait()

        with exclusive(path, "proxyfeed apply"):
            assert path.read_text("utf-8") == f"pid {os.getpid()}, proxyfeed apply\n"


def test_who_has_patience_waits_for_the_first_to_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with holder(path) as first:
        tried = []

        def let_it_end(seconds: float) -> None:
            tried.append(seconds)
            first.communicate()

        monkeypatch.setattr("proxyfeed.lock.time.sleep", let_it_end)
        with exclusive(path, "proxyfeed revert", patience=60):
            assert path.read_text("utf-8") == f"pid {os.getpid()}, proxyfeed revert\n"

        assert len(tried) == 1


def test_patience_comes_to_an_end(path: Path) -> None:
    with (
        holder(path) as first,
        pytest.raises(LockHeld, match=f"pid {first.pid}, proxyfeed update"),
        exclusive(path, "proxyfeed confirm", patience=0.3),
    ):
        pytest.fail("two runs at once")


def test_a_program_that_outlives_its_run_does_not_hold_the_lock(path: Path) -> None:
    with holder(path, HOLDER_OF_A_TOOL) as first:
        first.kill()
        first.wait()

        # It has the same standard input, which is still open.
        assert first.stdin is not None
        assert not first.stdin.closed
        with exclusive(path, "proxyfeed apply"):
            pass


def test_one_process_cannot_take_it_twice(path: Path) -> None:
    with exclusive(path, "proxyfeed update"):
        with (
            pytest.raises(LockHeld, match=f"pid {os.getpid()}, proxyfeed update"),
            exclusive(path, "proxyfeed apply"),
        ):
            pytest.fail("two runs at once")

        # The one that was turned away has not let go of it for the first.
        with pytest.raises(LockHeld), exclusive(path, "proxyfeed apply"):
            pytest.fail("two runs at once")


def test_a_failure_inside_passes_as_it_is_and_lets_go(path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="No space left") as caught, exclusive(path, "one"):
        raise full

    assert caught.value is full
    with exclusive(path, "two"):
        pass


def test_a_longer_purpose_leaves_nothing_behind(path: Path) -> None:
    for purpose in ("a purpose of many words", "short"):
        with exclusive(path, purpose):
            pass

    assert path.read_text("utf-8") == f"pid {os.getpid()}, short\n"


def test_a_holder_that_has_not_yet_said_who_it_is_holds_it_all_the_same(path: Path) -> None:
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)

        with pytest.raises(LockHeld, match="it does not say"), exclusive(path, "proxyfeed apply"):
            pytest.fail("two runs at once")


def test_the_file_and_its_folder_are_not_for_everybody(tmp_path: Path) -> None:
    path = tmp_path / "state" / "proxyfeed.db.lock"
    before = os.umask(0)
    try:
        with exclusive(path, "proxyfeed update"):
            pass
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750


def test_a_symbolic_link_is_refused_and_its_target_left_as_it_is(path: Path) -> None:
    target = path.with_name("shadow")
    target.write_text("root:*:1::::::", "utf-8")
    path.symlink_to(target)

    with (
        pytest.raises(StoreError, match="cannot be taken: Too many levels of symbolic") as caught,
        exclusive(path, "proxyfeed update"),
    ):
        pytest.fail("a link was followed")

    assert target.read_text("utf-8") == "root:*:1::::::"
    assert caught.value.hint == f"ls -l {path}"
    assert caught.value.exit_code == 7


def test_a_path_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with (
        pytest.raises(StoreError, match="file/lock cannot be taken: File exists"),
        exclusive(tmp_path / "file/lock", "proxyfeed update"),
    ):
        pytest.fail("there is no such folder")


def test_a_lock_that_cannot_be_written_is_told() -> None:
    with (
        pytest.raises(StoreError, match="the lock /dev/full cannot be taken: "),
        exclusive(Path("/dev/full"), "proxyfeed update"),
    ):
        pytest.fail("nothing can be written there")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_of_another_user_needs_root(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with (
        pytest.raises(StoreError, match="Permission denied") as caught,
        exclusive(tmp_path / "lock", "proxyfeed update"),
    ):
        pytest.fail("the folder is not ours")

    assert caught.value.hint == "run it as root"
