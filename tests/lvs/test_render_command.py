"""
``lvs render`` as it is typed: document, talk and mistakes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.lvs.sides import AOL, RELAY

from proxyfeed.cli.app import run

GOLDEN = Path(__file__).parent / "golden"
BARE = '[sets.bare]\nfeeds = ["zscaler"]\nmark = 9\n'

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Typed:
    """
    Type ``lvs render`` with a configuration: its exit code, document and talk.
    """

    def run_it(configuration: str, *words: str) -> tuple[int, str, str]:
        file = tmp_path / "proxyfeed.toml"
        file.write_text(f'database = "sqlite:///nowhere.db"\n{configuration}')
        code = run(["--config", str(file), "lvs", "render", *words])
        said = capsys.readouterr()
        assert [one.name for one in tmp_path.iterdir()] == ["proxyfeed.toml"]
        return code, said.out, said.err

    return run_it


def golden(name: str) -> str:
    return (GOLDEN / name).read_text("ascii")


def test_the_document_is_what_the_tool_takes_and_needs_no_database(typed: Typed) -> None:
    assert typed(AOL, "--format", "keepalived") == (0, golden("aol.keepalived"), "")
    assert typed(AOL, "--format", "ldirectord", "aol") == (0, golden("aol.ldirectord"), "")


def test_what_is_for_ipvsadm_has_its_comments_on_standard_error(typed: Typed) -> None:
    assert typed(AOL) == (0, golden("aol.ipvsadm"), golden("aol.ipvsadm.notes"))


def test_sets_without_real_servers_are_left_out_unless_they_are_named(typed: Typed) -> None:
    assert typed(AOL + BARE, "--format", "keepalived")[:2] == (0, golden("aol.keepalived"))
    assert typed(AOL + BARE, "bare") == (
        2,
        "",
        "proxyfeed: set bare has no real servers to lead its mark to\n"
        'try: write under [sets.bare.lvs]: servers = ["192.0.2.11", "192.0.2.12"]\n',
    )


def test_named_sets_alone_are_rendered(typed: Typed) -> None:
    assert typed(AOL + RELAY, "relay")[:2] == (0, golden("relay.ipvsadm"))


def test_a_configuration_without_any_real_server_says_what_to_write(typed: Typed) -> None:
    code, out, err = typed(BARE)

    assert (code, out) == (2, "")
    assert err.startswith("proxyfeed: no set of ")
    assert err.endswith('servers = ["192.0.2.11", "192.0.2.12"]\n')


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            ["--format", "haproxy"],
            "proxyfeed: there is no format 'haproxy'; known: ipvsadm, keepalived, ldirectord\n"
            "try: proxyfeed lvs render --format keepalived\n",
        ),
        (["aoi"], "proxyfeed: there is no set 'aoi'; known: aol\ntry: proxyfeed --help\n"),
    ],
)
def test_a_mistyped_word_is_told(typed: Typed, words: list[str], complaint: str) -> None:
    assert typed(AOL, *words) == (2, "", complaint)


def test_what_a_tool_cannot_express_is_no_document(typed: Typed) -> None:
    code, out, err = typed(AOL + RELAY, "--format", "ldirectord")

    assert (code, out) == (2, "")
    assert err.splitlines()[1] == (
        "try: write the same in both, or: proxyfeed lvs render --format keepalived"
    )


def test_it_is_the_same_each_time(tmp_path: Path) -> None:
    file = tmp_path / "proxyfeed.toml"
    file.write_text(AOL + RELAY)
    command = [sys.executable, "-m", "proxyfeed", "--config", str(file), "lvs", "render"]

    # The order of sets of texts changes from process to process.
    shown = {subprocess.run(command, capture_output=True, check=True).stdout for _ in range(3)}

    assert len(shown) == 1
