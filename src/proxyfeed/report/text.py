"""
Text for people: one function for each kind of result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from proxyfeed.model import (
    AlertTestResult,
    ApplyResult,
    CheckResult,
    ConfigResult,
    ConfirmResult,
    DecisionResult,
    DiffResult,
    DoctorResult,
    ExportResult,
    FeedsResult,
    FetchesResult,
    HistoryResult,
    InitResult,
    LookupResult,
    LvsApplyResult,
    Outcome,
    RevertResult,
    RuleResult,
    ShowResult,
    StatusResult,
    TryResult,
    UpdateResult,
)
from proxyfeed.plain import plain
from proxyfeed.report import chain, exporting, feeds, runs, standing, versions

_GREEN, _RED, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[0m"

_WRITERS: dict[type, Callable[[Any], Iterator[str]]] = {
    UpdateResult: runs.update_lines,
    ApplyResult: runs.apply_lines,
    CheckResult: chain.check_lines,
    ConfirmResult: runs.confirm_lines,
    DoctorResult: chain.doctor_lines,
    LvsApplyResult: chain.apply_lines,
    RevertResult: runs.revert_lines,
    DecisionResult: runs.decision_lines,
    DiffResult: versions.diff_lines,
    ExportResult: exporting.export_lines,
    HistoryResult: versions.history_lines,
    FetchesResult: versions.fetches_lines,
    ShowResult: versions.show_lines,
    LookupResult: versions.lookup_lines,
    StatusResult: standing.status_lines,
    RuleResult: standing.rule_lines,
    ConfigResult: standing.config_lines,
    InitResult: standing.init_lines,
    FeedsResult: feeds.feeds_lines,
    TryResult: feeds.try_lines,
    AlertTestResult: standing.alert_lines,
}


def as_text(outcome: Outcome, *, colour: bool = False) -> str:
    """
    The document of one command; what came from upstream has its control characters escaped.
    """
    lines = _WRITERS[type(outcome.result)](outcome.result)
    # A line of ours is one line, whatever upstream has put into it.
    text = "".join(plain(line, keep="\t") + "\n" for line in lines)
    return _coloured(text) if colour else text


def _coloured(text: str) -> str:
    return "".join(
        f"{_GREEN if line[0] == '+' else _RED}{line[:-1]}{_PLAIN}\n" if line[0] in "+-" else line
        for line in text.splitlines(keepends=True)
    )
