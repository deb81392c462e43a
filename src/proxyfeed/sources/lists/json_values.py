"""
What JMESPath expressions find in JSON values, and the rows that they make of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from proxyfeed.errors import ReadError
from proxyfeed.model import JsonRules
from proxyfeed.sources.lists.rows import Rows

if TYPE_CHECKING:
    from jmespath.visitor import _TreeNode as Node

# What of an expression makes a list out of what its first part gives.
_PROJECTIONS = frozenset({"projection", "filter_projection", "value_projection", "flatten", "pipe"})
_KEYS_SHOWN = 12
_KEY_SHOWN = 40


class Expression:
    """
    One JMESPath expression; *text* is how it is written.
    """

    def __init__(self, text: str) -> None:
        import jmespath
        from jmespath.visitor import TreeInterpreter

        self.text = text
        self._tree = jmespath.compile(text).parsed
        # ParsedResult.search() makes a new one for each row, and takes five times as long.
        self._interpreter = TreeInterpreter()

    def search(self, value: object) -> object:
        """
        Return what the expression finds in *value*, None for nothing.

        Raises:
            ReadError: it cannot be evaluated, as ``length(name)`` where the name is a number.
        """
        return self._visit(self._tree, value)

    def origin(self, value: object) -> object:
        """
        Return what the expression makes its list of: for ``prefixes[?service=='S3'].cidr`` what
        stands at ``prefixes``.

        A projection drops what gives null, so only this tells an empty list from a renamed key.
        """
        node = self._tree
        while node["type"] in _PROJECTIONS:
            node = node["children"][0]
        return self._visit(node, value)

    def _visit(self, node: Node, value: object) -> object:
        from jmespath.exceptions import JMESPathTypeError

        try:
            found: object = self._interpreter.visit(node, value)
        except JMESPathTypeError as exc:
            due = " or ".join(exc.expected_types)
            # Not its own message, which holds the whole value.
            why = f"{exc.function_name}() takes {due}, and found {exc.actual_type}"
            raise ReadError(f"{self.text!r} does not fit the body: {why}") from exc
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as exc:
            # Some reach Python as they are: contains('abc', `1`) is a TypeError.
            raise ReadError(f"{self.text!r} does not fit the body: {exc}") from exc
        except RecursionError as exc:
            raise ReadError(f"{self.text!r} meets a value that is nested too deeply") from exc
        return found


class ValueRows(Rows):
    """
    Takes rows that are JSON values: *prefix* finds the prefix of each, the rules' label its label.
    """

    def __init__(self, unit: str, prefix: str, rules: JsonRules) -> None:
        super().__init__(unit, rules.max_rejected, rules.label_name)
        self._prefix_of = Expression(prefix)
        self._label_of = Expression(rules.label.expression) if rules.label else None

    def take_value(self, number: int | str, row: object) -> None:
        text = self._prefix_of.search(row)
        if not isinstance(text, str):
            self._reject_value(number, row, text, self._prefix_of)
        elif self._label_of is None:
            self.take(number, text)
        else:
            label = self._label_of.search(row)
            if label is None or isinstance(label, str) or is_number(label):
                self.take(number, text, "" if label is None else str(label))
            else:
                self._reject_value(number, row, label, self._label_of)

    def _reject_value(self, number: int | str, row: object, found: object, by: Expression) -> None:
        why = f"has {in_words(found)} at {by.text!r}, where a text is due"
        self.reject(number, _written(row), why)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def in_words(value: object) -> str:
    """
    Say what a value is, for a message: ``null``, ``a list of 3``, ``an object with 'cidr'``.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "a text"
        case list():
            return f"a list of {len(value):,}"
        case dict():
            return f"an object with {_keys_of(value)}"
    return "a number"


def _keys_of(found: dict[str, object]) -> str:
    keys = ", ".join(repr(key[:_KEY_SHOWN]) for key in list(found)[:_KEYS_SHOWN])
    return f"{keys}, ..." if len(found) > _KEYS_SHOWN else keys or "no key"


def _written(row: object) -> str:
    try:
        return json.dumps(row, ensure_ascii=False)
    except RecursionError:
        return in_words(row)
