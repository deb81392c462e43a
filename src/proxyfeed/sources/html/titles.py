"""
What a line says as the title of a section.
"""

from __future__ import annotations

from enum import Enum, auto

from proxyfeed.model import HtmlRules
from proxyfeed.sources.html.blocks import Line
from proxyfeed.sources.html.row import words

# A label of these words alone tells how ranges are written, and not whose they are.
_NOTATION_WORDS = """
    address addresses block blocks cidr cidrs in ip ipv4 ipv6 list mask netmask netmasks network
    networks notation of prefix prefixes range ranges subnet subnets
"""
_NOTATION = frozenset(_NOTATION_WORDS.split())


class Verdict(Enum):
    WANTED = auto()
    EXCLUDED = auto()
    BOTH = auto()
    NEUTRAL = auto()
    UNKNOWN = auto()

    @property
    def is_decisive(self) -> bool:
        return self in (Verdict.WANTED, Verdict.EXCLUDED, Verdict.BOTH)


class Titles:
    """
    The phrases of `HtmlRules`, ready for comparison.
    """

    def __init__(self, rules: HtmlRules) -> None:
        self._heading = _ready(rules.heading)
        self._exclude = _ready(rules.exclude)
        self._ignore = _ready(rules.ignore)

    def judge(self, line: Line) -> Verdict:
        """
        Tell what a section would be that has *line* for its title.

        The wanted title is compared in full, so that "AOL Proxy Info" is not "proxies"; an
        excluded phrase counts anywhere in it, as in "AOL member clients (ipt.aol.com)".
        """
        title = words(line.text)
        # Outside of a real heading, a link is an entry of a menu; and what is struck out or hidden
        # announces nothing.
        may_open = not line.flaw and (line.level or not line.is_link)
        is_wanted = bool(may_open) and f" {title} " in self._heading
        if self.excludes(line.text):
            return Verdict.BOTH if is_wanted else Verdict.EXCLUDED
        if is_wanted:
            return Verdict.WANTED
        # As in "IP ranges:", or in "The following ranges are those of our proxies:".
        is_neutral = _NOTATION.issuperset(title.split()) or (
            line.is_sentence and self.wants(line.text)
        )
        return Verdict.NEUTRAL if is_neutral else Verdict.UNKNOWN

    def wants(self, text: str) -> bool:
        return _holds(text, self._heading)

    def excludes(self, text: str) -> bool:
        return _holds(text, self._exclude)

    def ignores(self, text: str) -> bool:
        """
        Tell whether a line is not to be read; what is excluded is never overlooked.
        """
        return _holds(text, self._ignore) and not self.excludes(text)


def _ready(phrases: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f" {phrase} " for phrase in map(words, phrases) if phrase)


def _holds(text: str, phrases: tuple[str, ...]) -> bool:
    spaced = f" {words(text)} "
    return any(phrase in spaced for phrase in phrases)
