"""
The sections of a page, and which of them hold the ranges that are wanted.

A heading opens a section until the next heading of its level or a higher one. A label, such as a
bold line, is a heading of a level below all others. A section is wanted if its title *is* one of
the phrases of `HtmlRules.heading`, and excluded if its title *holds* one of `HtmlRules.exclude`.
What stands in no wanted section is not read. What stands in one and leaves a doubt is an error:
here a range too many is worse than no new version.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from proxyfeed.errors import EmptyList, ReadError
from proxyfeed.model import HtmlRules
from proxyfeed.prefixes import PrefixSet
from proxyfeed.sources.html.blocks import Line
from proxyfeed.sources.html.row import find_address, read_row
from proxyfeed.sources.html.titles import Titles, Verdict
from proxyfeed.sources.lists.rows import Rows

# Below <h1> to <h6>; and a label that says nothing we know is below one that does, so that in
# "Proxies:" ... "Europe:" ... the second is a doubt about the first, and not its end.
_LABEL_LEVEL, _UNKNOWN_LABEL_LEVEL = 7, 8
_SHORT_NUMBER = re.compile(r"\d{1,3}$")


@dataclass(slots=True, eq=False)
class _Section:
    """
    *intro* is the last text before its first ranges, *after* the first thing after them.
    """

    title: str
    level: int
    verdict: Verdict
    intro: str = ""
    after: str = ""
    has_ranges: bool = False


class Outline:
    """
    Reads a page line by line and keeps the ranges of its wanted sections.

    Without phrases for the heading, each part that is read is one wanted section.
    """

    def __init__(self, rules: HtmlRules) -> None:
        self.titles = Titles(rules)
        self._heading = rules.heading
        self._open: list[_Section] = []
        self._decisive: list[_Section] = []
        self._headings: list[str] = []
        self._found: list[str] = []
        self._elsewhere: Counter[tuple[Verdict, str]] = Counter()

    def start(self, part: str) -> None:
        """
        Begin a new part of the page: what was open before does not reach into it.
        """
        self._open = []
        if not self._heading:
            self._push(part, 0, Verdict.WANTED)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """
        Close at its end whatever was opened in it, and open again what was open before.
        """
        before = list(self._open)
        yield
        self._open = before

    @contextmanager
    def block(self) -> Iterator[None]:
        """
        Let a section end with the block that holds both its title and ranges.

        In ``<p><b>Proxies</b><br>64.12.96.0/19</p>`` the title is that of the paragraph, and
        ranges below it have none. In ``<p><b>Proxies</b></p>`` it is that of what follows.
        """
        before = list(self._open)
        yield
        for section in self._open:
            if section not in before and section.has_ranges and not section.after:
                section.after = "the end of the block that it is the title of"

    def read(self, line: Line) -> None:
        if line.level:
            self._headings.append(_short(line.text))
            self._push(line.text, line.level, self.titles.judge(line))
        elif self.titles.ignores(line.text):
            self._note(line.text)
        elif prefixes := read_row(line.text):
            self._collect(line, prefixes)
        elif labelled := _split_label(line):
            self._read_label(labelled[0])
            self._collect(labelled[1], read_row(labelled[1].text))
        # A number alone may be the rest of a prefix that odd markup has cut: 64.12.96.0/1 and 9.
        elif address := line.text if _SHORT_NUMBER.match(line.text) else find_address(line.text):
            self._refuse_address(line, address)
        elif line.is_label:
            self._read_label(line)
        else:
            self._read_text(line)

    def doubt(self, what: str) -> None:
        """
        Open a section whose ranges cannot belong to a wanted section around it.
        """
        self._push(what, _UNKNOWN_LABEL_LEVEL, Verdict.UNKNOWN)

    @property
    def is_wanted(self) -> bool:
        section, _ = self._current()
        return section is not None and section.verdict is not Verdict.EXCLUDED

    def prefixes(self) -> PrefixSet:
        """
        Return what was found.

        Raises:
            EmptyList: the wanted section is there beyond doubt, and empty.
            ReadError: no wanted section holds ranges.
        """
        if self._found:
            rows = Rows("range", max_rejected=0)
            for number, text in enumerate(self._found, 1):
                rows.take(number, text)
            return rows.listing().prefixes
        wanted = [section for section in self._decisive if section.verdict is not Verdict.EXCLUDED]
        if not wanted:
            raise ReadError(f"no section is headed {_any_of(self._heading)}{self._rest()}")
        is_sure = all(section.level < _LABEL_LEVEL for section in wanted)
        is_all = not any(verdict is Verdict.UNKNOWN for verdict, _ in self._elsewhere)
        error = EmptyList if is_sure and is_all else ReadError
        raise error(f"the section {wanted[0].title!r} holds no ranges{self._rest()}")

    def _push(self, title: str, level: int, verdict: Verdict) -> None:
        while self._open and self._open[-1].level >= level:
            self._open.pop()
        section = _Section(_short(title), level, verdict)
        self._open.append(section)
        if verdict.is_decisive:
            self._decisive.append(section)

    def _current(self) -> tuple[_Section | None, str]:
        """
        Return the innermost section that we know, and the title of an unknown one inside it.
        """
        doubt = ""
        for section in reversed(self._open):
            if section.verdict.is_decisive:
                return section, doubt
            doubt = section.title
        return None, doubt

    def _note(self, text: str) -> None:
        section, _ = self._current()
        if section and section.has_ranges and not section.after:
            section.after = _short(text)

    def _read_text(self, line: Line) -> None:
        self._note(line.text)
        section, _ = self._current()
        if section and not line.is_wordless:
            section.intro = line.text

    def _read_label(self, line: Line) -> None:
        verdict = self.titles.judge(line)
        if verdict.is_decisive:
            self._push(line.text, _LABEL_LEVEL, verdict)
            return
        self._note(line.text)
        if verdict is Verdict.UNKNOWN:
            self.doubt(line.text)

    def _collect(self, line: Line, prefixes: tuple[str, ...]) -> None:
        section, doubt = self._current()
        if section is None or section.verdict is Verdict.EXCLUDED:
            key = (section.verdict, section.title) if section else (Verdict.UNKNOWN, doubt)
            self._elsewhere[key] += len(prefixes)
            return
        if trouble := self._trouble(section, doubt, line):
            place = f"the line {_short(line.text)!r} under {section.title!r}"
            raise ReadError(f"{place} cannot be read with certainty: {trouble}")
        section.has_ranges, section.intro = True, ""
        self._found += prefixes

    def _trouble(self, section: _Section, doubt: str, line: Line) -> str:
        """
        Say why ranges in a wanted section may not be its own, or nothing.
        """
        titles = self.titles
        if section.verdict is Verdict.BOTH:
            return "that title is both a wanted and an excluded one"
        if section.after:
            return f"{section.after!r} stands between it and the ranges before"
        if doubt:
            return f"it stands under {doubt!r}, which is neither a wanted nor an excluded title"
        if line.flaw:
            return f"it {line.flaw}"
        if titles.excludes(f"{line.text} {line.beside}"):
            return f"its note names what is excluded: {_short(line.beside or line.text)!r}"
        if titles.excludes(section.intro) and not titles.wants(section.intro):
            return f"the text before it names what is excluded: {_short(section.intro)!r}"
        return ""

    def _refuse_address(self, line: Line, address: str) -> None:
        section, _ = self._current()
        if section and section.verdict is not Verdict.EXCLUDED:
            raise ReadError(
                f"the line {_short(line.text)!r} under {section.title!r} is no plain list of "
                f"ranges, and holds {_short(address)!r}"
            )

    def _rest(self) -> str:
        """
        Tell what the page has instead, so that a title that was changed is found at a glance.
        """
        places = [
            f"{count} under {title!r}{' (excluded)' if verdict is Verdict.EXCLUDED else ''}"
            for (verdict, title), count in self._elsewhere.most_common(5)
        ]
        if places:
            return f"; the page has ranges elsewhere: {', '.join(places)}"
        headings = ", ".join(map(repr, self._headings[:5]))
        return (
            f"; the page has no ranges and {f'is headed {headings}' if headings else 'no heading'}"
        )


def _split_label(line: Line) -> tuple[Line, Line] | None:
    """
    Divide ``Proxies: 64.12.96.0/19, 149.174.160.0/20`` into its label and its ranges.
    """
    label, _, rest = line.text.partition(": ")
    if not read_row(rest):
        return None
    return replace(line, text=f"{label}:", is_marked=True), replace(line, text=rest)


def _any_of(phrases: tuple[str, ...]) -> str:
    others = f" or {len(phrases) - 3} titles more" if len(phrases) > 3 else ""
    return " or ".join(map(repr, phrases[:3])) + others


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
