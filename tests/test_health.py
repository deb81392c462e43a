"""
The operator's own question whether all is well, asked of real programs.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest
from tests.kernel.namespaces import SYSTEM_PATH

from proxyfeed.errors import OperatorMistake
from proxyfeed.health import check, read_command

ROOT = Path(__file__).parents[1]
ENVIRON = {"PATH": SYSTEM_PATH}


def ask(text: str, seconds: float = 30) -> str:
    return check(read_command(text, SYSTEM_PATH), seconds, ENVIRON)


def test_a_command_that_exits_with_0_finds_nothing_wrong() -> None:
    assert ask("true") == ""
    assert ask("""sh -c 'echo all is well'""") == ""


def test_a_command_that_fails_is_shown_with_the_end_of_what_it_said() -> None:
    failed = ask("""sh -c 'seq 1 2000; echo "no answer" >&2; exit 22'""")

    first, *lines = failed.splitlines()
    assert first.endswith("exited with 22")
    assert lines[-1] == "  no answer"
    assert lines[-2] == "  2000"
    assert len(lines) == 10


def test_a_command_that_is_killed_is_named_with_its_signal() -> None:
    assert ask("""sh -c 'kill -SEGV $$'""").endswith("was ended by SIGSEGV")


def test_the_words_go_to_no_shell(tmp_path: Path) -> None:
    witness = tmp_path / "witness"

    assert ask(f"echo '$(touch {witness})' ; touch {witness}") == ""

    assert not witness.exists()


def test_the_path_is_the_given_one_and_so_is_all_else(tmp_path: Path) -> None:
    program = (sys.executable, "-c", "import os; print(*os.environ); raise SystemExit(1)")

    said = check(program, 30, {"PATH": "/nowhere", "ONE": "1"})

    assert {"PATH", "ONE"} <= set(said.splitlines()[-1].split())
    assert "HOME" not in said.splitlines()[-1].split()


def test_what_a_command_has_started_ends_with_it_when_it_takes_too_long(tmp_path: Path) -> None:
    """
    The pipe ends when the last process that has it is gone.
    """
    os.mkfifo(tmp_path / "held")
    reader = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)
    script = f"sh -c 'exec 3>{tmp_path}/held; sleep 1000 & echo waiting; sleep 1000'"

    failed = ask(script, seconds=0.5)

    assert "was not done after" in failed
    with os.fdopen(reader, "rb") as stream:
        assert select.select([stream], [], [], 20)[0]
        assert stream.read() == b""


def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "held")
    reader = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)

    assert ask(f"sh -c 'exec 3>{tmp_path}/held; sleep 1000 & exit 0'") == ""

    with os.fdopen(reader, "rb") as stream:
        assert select.select([stream], [], [], 20)[0]
        assert stream.read() == b""


def test_an_interruption_ends_the_command(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "held")
    reader = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)
    # In a process that has no other thread, as the program has none by then.
    script = f"sh -c 'exec 3>{tmp_path}/held; kill -INT $PPID; sleep 1000'"
    asking = f"from tests.test_health import ask; ask({script!r})"

    done = subprocess.run(
        [sys.executable, "-c", asking], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert "KeyboardInterrupt" in done.stderr
    with os.fdopen(reader, "rb") as stream:
        assert select.select([stream], [], [], 20)[0]
        assert stream.read() == b""


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("no-such-program --fast", f"names no program in {SYSTEM_PATH}"),
        ("curl 'http://192.0.2.80/", "cannot be read (No closing quotation)"),
        ("", "is empty"),
    ],
)
def test_a_command_that_cannot_be_run_is_refused_before_anything_is_applied(
    text: str, what: str
) -> None:
    with pytest.raises(OperatorMistake) as caught:
        read_command(text, SYSTEM_PATH)

    assert what in caught.value.message
    assert caught.value.message.endswith("nothing was applied")


def test_a_program_that_is_none_is_a_failure(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("no program at all")
    program.chmod(0o755)

    assert "cannot be run: Exec format error" in check((str(program),), 30, ENVIRON)
