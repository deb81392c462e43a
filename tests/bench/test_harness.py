"""
What the measurements rest on: that the right process is measured, and that ratios are of pairs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.bench import __main__ as bench
from tests.bench import aggregate, inputs, report
from tests.bench.lines import Cost, LeftOut, Line, NotMeasured
from tests.bench.pairs import Pairs
from tests.bench.processes import Job
from tests.bench.setting import Setting

from proxyfeed.prefixes import PrefixSet

# It ends when it has used so much.
BUSY = "import time\nwhile time.process_time() < 0.3: pass"


def python(folder: Path, code: str) -> Job:
    return Job((sys.executable, "-I", "-S", "-c", code), folder)


def test_a_job_costs_the_cpu_of_the_children_that_it_waits_for(tmp_path: Path) -> None:
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"

    assert python(tmp_path, child).run().cpu >= 0.3


def test_a_job_does_not_cost_the_memory_of_whoever_measures_it(tmp_path: Path) -> None:
    ballast = b"x" * (256 << 20)

    cost = python(tmp_path, "pass").run()

    assert cost.memory < 64 < len(ballast) >> 20


def test_a_job_costs_the_memory_of_its_largest_child(tmp_path: Path) -> None:
    large = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'b\"x\" * (128 << 20)'])"

    assert python(tmp_path, large).run().memory > 128


def test_a_job_that_fails_is_no_measurement_and_its_words_are_told(tmp_path: Path) -> None:
    with pytest.raises(NotMeasured, match=r"exited with 1: (?s:.*)no such list"):
        python(tmp_path, "raise SystemExit('no such list')").run()


def test_a_program_that_is_not_there_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(NotMeasured, match=r"nowhere: (?s:.*)FileNotFoundError"):
        Job((str(tmp_path / "nowhere"),), tmp_path).run()


def test_pairs_are_measured_in_turn_and_the_first_only_warms_up() -> None:
    moments = count()

    pairs = Pairs.measure(lambda: cost(next(moments)), lambda: cost(next(moments)), 2)

    assert [(ours.cpu, theirs.cpu) for ours, theirs in pairs.costs] == [(2, 3), (4, 5)]


def test_a_ratio_is_the_median_of_the_ratios_of_pairs() -> None:
    # The machine was four times slower for the second pair, and busy with something else at last.
    pairs = Pairs(((cost(1), cost(2)), (cost(4), cost(8)), (cost(9), cost(3))))

    assert pairs.cpu == 0.5
    assert pairs.ours.cpu / pairs.theirs.cpu == 4 / 3


def test_from_one_of_two_nights_to_the_other_the_share_goes_and_as_much_comes() -> None:
    first, second = inputs.two_nights(inputs.disjoint(2_000))

    assert [len(night) for night in (first, second)] == [1_980, 1_980]
    assert [len(first - second), len(second - first)] == [20, 20]


def test_the_two_pages_of_a_relay_differ_by_one_percent_of_their_prefixes() -> None:
    rows = [f"24.{n}.{m}.{k}/32,US,,," for n in range(4) for m in range(50) for k in (4, 5, 6, 7)]

    first, second = (
        PrefixSet.parse(row.partition(",")[0] for row in page.decode().split())
        for page in inputs.relay_nights(rows)
    )

    assert [len(first), len(second)] == [198, 198]
    assert [len(first - second), len(second - first)] == [2, 2]


def test_disjoint_prefixes_stay_as_many_when_they_are_aggregated() -> None:
    content = inputs.disjoint(5_000)

    assert [len(content.ipv4), len(content.ipv6)] == [2_500, 2_500]


@pytest.mark.parametrize("families", [(4,), (4, 6)])
def test_every_shape_has_its_number_of_rows_and_is_drawn_the_same_again(
    families: tuple[int, ...],
) -> None:
    drawn = inputs.shapes(1_000, families)

    assert {shape: len(rows) for shape, rows in drawn.items()} == dict.fromkeys(drawn, 1_000)
    assert inputs.shapes(1_000, families) == drawn


def test_other_prefixes_than_ours_are_no_comparison() -> None:
    aggregate.check("24.0.0.0/31\n24.0.0.9/32\n", "24.0.0.9\n24.0.0.0/31\n", "iprange")
    with pytest.raises(NotMeasured, match=r"iprange and we print other .* such as 24\.0\.0\.8/31"):
        aggregate.check("24.0.0.0/31\n24.0.0.9/32\n", "24.0.0.0/31\n24.0.0.8/31\n", "iprange")


def test_the_table_tells_what_is_missed_and_what_was_left_out_and_why() -> None:
    found = (
        line(value=0.5, at_most=1),
        line(value=2, at_most=1),
        line(value=3, at_most=None),
        LeftOut("night", "all of it", "ipset is not installed"),
        LeftOut("kernel", "the rest of it", "it ended", is_failure=True),
    )

    rows = report.text(found).splitlines()
    document = json.loads(report.document(found))

    assert [("met" in row, "MISSED" in row) for row in rows if row.startswith("night ")] == [
        (True, False),
        (False, True),
        (False, False),
    ]
    assert rows[-2:] == [
        "left out: night: all of it: ipset is not installed",
        "FAILED: kernel: the rest of it: it ended",
    ]
    assert [one["is_met"] for one in document["lines"]] == [True, False, None]
    assert [one["is_failure"] for one in document["left_out"]] == [False, True]


@pytest.mark.parametrize(("chosen", "code"), [("good", 0), ("bad", 1), ("bad good", 1)])
def test_what_could_not_be_measured_is_a_failure_and_a_missed_aim_is_none(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    chosen: str,
    code: int,
) -> None:
    def bad(_setting: Setting) -> Iterator[Line]:
        raise NotMeasured("the sets differ")
        yield

    sections = {"good": lambda _: iter([line(value=2, at_most=1)]), "bad": bad}
    monkeypatch.setattr(bench, "_SECTIONS", sections)
    monkeypatch.setattr(bench, "_WITHOUT_KERNEL", set(sections))
    monkeypatch.setattr(bench, "OUTPUT", tmp_path)
    monkeypatch.setattr(bench, "PEERS", tmp_path / "none")
    monkeypatch.setattr(sys, "argv", ["bench", *chosen.split()])

    assert bench.main() == code
    table = capsys.readouterr().out
    assert ("MISSED" in table, "the sets differ" in table) == ("good" in chosen, "bad" in chosen)
    assert (tmp_path / "report.txt").read_text() == table


def test_without_a_kernel_its_sections_are_left_out_and_that_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Setting, "no_kernel", "no network namespace can be made")
    monkeypatch.setattr(bench, "_SECTIONS", {"night": lambda _: iter([line(1, at_most=1)])})
    monkeypatch.setattr(bench, "OUTPUT", tmp_path)
    monkeypatch.setattr(bench, "PEERS", tmp_path / "none")
    monkeypatch.setattr(sys, "argv", ["bench", "night"])

    assert bench.main() == 0
    assert "left out: night: all of it: no network" in capsys.readouterr().out


def line(value: float, at_most: float | None) -> Line:
    return Line("night", "304", "python", value, "times", at_most)


def cost(seconds: float) -> Cost:
    return Cost(seconds, seconds, 10)
