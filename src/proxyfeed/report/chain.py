"""
The way of a packet: ``lvs check``, ``lvs apply`` and ``doctor``.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxyfeed.model import CheckResult, DoctorResult, Grade, LvsApplyResult, Remark

# What is broken is to be seen from afar.
_WORDS = {
    Grade.OK: "ok",
    Grade.NOTE: "note",
    Grade.WARNING: "warning",
    Grade.BROKEN: "BROKEN",
}


def check_lines(result: CheckResult) -> Iterator[str]:
    return _remarks(result.remarks)


def doctor_lines(result: DoctorResult) -> Iterator[str]:
    yield from _remarks(result.remarks)
    broken, warnings = (
        sum(one.grade is grade for one in result.remarks) for grade in (Grade.BROKEN, Grade.WARNING)
    )
    yield f"{broken} broken, {warnings} to be looked at"


def apply_lines(result: LvsApplyResult) -> Iterator[str]:
    done = "; typed, read back and proven:" if result.is_proven else "; not done, or not all of it:"
    if result.dry_run:
        done = "; would be typed:"
    for change in result.changes:
        what = f"set {change.set}: the IPv{change.family} service of mark {change.mark:#x}"
        yield f"{what}: {change.why}{done if change.lines else ''}"
        yield from (f"  ipvsadm {line}" for line in change.lines)


def _remarks(remarks: tuple[Remark, ...]) -> Iterator[str]:
    """
    Subject by subject, in the order in which each was first spoken of.
    """
    for subject in dict.fromkeys(one.subject for one in remarks):
        yield subject
        for one in remarks:
            if one.subject == subject:
                yield f"  {_WORDS[one.grade]:<9}{one.what}"
                if one.hint:
                    yield f"           try: {one.hint}"
