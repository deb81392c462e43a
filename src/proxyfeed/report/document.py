"""
The JSON contract: one envelope for every command, documented in the README.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

from proxyfeed.model import AllottedLabel, Body, Diff, Feed, Live, Outcome, Problem, SetPlan
from proxyfeed.plain import plain
from proxyfeed.prefixes import PrefixSet

# The form of the envelope; it rises when a key goes or changes its meaning.
VERSION = 1


def as_json(outcome: Outcome) -> str:
    """
    The envelope of one command: version, command, status, exit_code, data, errors, warnings.
    """
    return envelope(
        outcome.command,
        to_data(outcome.result),
        outcome.problems,
        outcome.exit_code,
        outcome.warnings,
    )


def envelope(
    command: str,
    data: Any,
    problems: tuple[Problem, ...],
    exit_code: int,
    warnings: tuple[str, ...] = (),
) -> str:
    status = "ok" if not problems else "error" if data is None else "partial"
    errors = [
        {
            "code": problem.code,
            "message": plain(problem.message),
            "hint": plain(problem.hint),
            "subject": problem.subject,
            "exit_code": problem.exit_code,
        }
        for problem in problems
    ]
    whole = {
        "version": VERSION,
        "command": command,
        "status": status,
        "exit_code": exit_code,
        "data": data,
        "errors": errors,
        "warnings": [plain(warning) for warning in warnings],
    }
    return json.dumps(whole, indent=2, ensure_ascii=True) + "\n"


def to_data(value: object) -> Any:
    """
    A frozen value as JSON knows it; times in ISO 8601, spans in seconds.
    """
    match value:
        case PrefixSet():
            return {"prefixes": list(value.lines()), **_counts(value)}
        case Diff():
            return {
                "added": to_data(value.added),
                "removed": to_data(value.removed),
                "remarked": to_data(value.remarked),
            }
        case AllottedLabel():
            return {"label": plain(value.label), "mark": value.mark, **_counts(value.prefixes)}
        case Body():
            return {"size": len(value.content), "content_type": value.content_type}
        case SetPlan():
            return {
                "name": value.name,
                "type": value.type,
                "family": value.family,
                "action": value.action.value,
                "why": value.why,
                "entries": len(value.target),
                "add": len(value.add),
                "delete": len(value.delete),
            }
        case Live():
            rules = (*value.rules.values(), *value.strays.values())
            return {
                "sets": [*value.sets, *value.temporaries],
                "rules": [line for lines in rules for line in lines],
                "odd": list(value.odd),
            }
        case Feed():
            return {"format": value.format, **_fields(value)}
        case tuple():
            return [to_data(item) for item in value]
    return _fields(value) if is_dataclass(value) else _scalar(value)


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: to_data(getattr(value, field.name)) for field in fields(value)}


def _scalar(value: object) -> Any:
    match value:
        case Enum():
            return value.value
        case str():
            # JSON has its own escapes, and `jq -r` takes them back on somebody's terminal.
            return plain(value)
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
    return value


def _counts(prefixes: PrefixSet) -> dict[str, int]:
    return {
        "addresses_ipv4": prefixes.family(4).addresses,
        "addresses_ipv6": prefixes.family(6).addresses,
    }
