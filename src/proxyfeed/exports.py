"""
Lists for other programs: what each format is written as, and read back from. Pure.

::

    haproxy       acl proxied src -f FILE                        one prefix a line
    haproxy-map   http-request set-header X-Mark %[src,map_ip(FILE,0)]    prefix and value
    nginx         geo $proxied { default 0; include FILE; }      prefix and value
    nft           include "FILE", then: ip saddr $aol_4          define, one for each family

Everything is printed from integers. The value is the mark where a set has several, else 1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from proxyfeed.errors import BadPrefix, OperatorMistake
from proxyfeed.firewall.ipset import NET, fill_lines, net_set
from proxyfeed.marked import MarkedSet, remarked, union
from proxyfeed.model import Action, SetPlan
from proxyfeed.notation import key_to_text, read_prefix
from proxyfeed.prefixes import FAMILIES, PrefixSet

# What an address is mapped to that is in the list, where there is only one list.
LISTED = "1"
# The kernel takes 31 characters for the name of an ipset: proxyfeed_<19>_4.
_LONGEST_NAME = 19
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_]")
_PREFIX = r"(?P<prefix>[0-9A-Fa-f.:]+/\d+)"
_VALUE = r"(?P<value>\d+)"
# value, prefixes; the parts of one list have no address in common
Part = tuple[str, PrefixSet]


@dataclass(frozen=True, slots=True)
class Exported:
    """
    What is written: *subject* such as ``set aol``, *name* that of the set or feed.
    """

    subject: str
    name: str
    content: PrefixSet

    @property
    def parts(self) -> tuple[Part, ...]:
        """
        The content by mark, if the set has several marks, else as one part.
        """
        if isinstance(self.content, MarkedSet):
            return tuple((str(mark), part) for mark, part in self.content.marks)
        return ((LISTED, self.content),)

    @property
    def is_split(self) -> bool:
        # Not by the values that there are: the file must keep its form when all addresses come to
        # have mark 1 one night.
        return isinstance(self.content, MarkedSet)


def revalued(old: Iterable[Part], new: Iterable[Part]) -> PrefixSet:
    """
    The addresses that are in both and have another value.
    """
    return union(changed for _, _, changed in remarked(old, new))


# ---------------------------------------------------------------- formats


@dataclass(frozen=True, slots=True)
class Format:
    """
    *row* is how a line with a prefix reads, *frame* any other that belongs to the format.
    """

    write: Callable[[Exported], Iterator[str]]
    row: re.Pattern[str]
    frame: re.Pattern[str]


def write(exported: Exported, form: str) -> str:
    """
    Print *exported* in a format that `known` has.
    """
    return "".join(f"{line}\n" for line in known(form).write(exported))


def read(text: str, form: str) -> tuple[Part, ...]:
    """
    Read back what `write` printed.

    Raises:
        BadPrefix: a line is none of that format.
    """
    known_form = known(form)
    keys: dict[str, dict[int, list[int]]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        row = known_form.row.fullmatch(line)
        if row:
            value = row.groupdict().get("value") or LISTED
            try:
                written = read_prefix(row["prefix"])
            except BadPrefix as exc:
                raise BadPrefix(exc.value, exc.why, row=number) from None
            keys.setdefault(value, {4: [], 6: []})[written.family] += written.keys
        elif not known_form.frame.fullmatch(line):
            raise BadPrefix(line[:80], f"is no line of format {form}", row=number)
    return tuple((value, PrefixSet.from_keys(*keys[value].values())) for value in sorted(keys))


def known(form: str) -> Format:
    """
    Raises:
        OperatorMistake: there is no such format.
    """
    if form not in FORMATS:
        raise OperatorMistake(
            f"there is no format {form!r}; known: {', '.join(FORMATS)}",
            hint="proxyfeed export --help",
        )
    return FORMATS[form]


def _note(exported: Exported) -> str:
    # Without a number or a time: the same addresses must give the same file.
    return f"# {exported.subject}, written by proxyfeed export: what is changed here is lost"


def _rows(exported: Exported, form: str, families: Iterable[int] = FAMILIES) -> Iterator[str]:
    """
    One line for each prefix, in address order whatever its value.
    """
    for family in families:
        rows = [(key, value) for value, part in exported.parts for key in part.keys(family)]
        for key, value in sorted(rows):
            yield form.format(prefix=key_to_text(family, key), value=value)


def _plain(exported: Exported) -> Iterator[str]:
    return exported.content.lines()


def _haproxy(exported: Exported) -> Iterator[str]:
    yield _note(exported)
    yield from exported.content.lines()


def _haproxy_map(exported: Exported) -> Iterator[str]:
    yield _note(exported)
    yield from _rows(exported, "{prefix} {value}")


def _nginx(exported: Exported) -> Iterator[str]:
    yield _note(exported)
    yield from _rows(exported, "{prefix} {value};")


def _csv(exported: Exported) -> Iterator[str]:
    yield "prefix,value"
    yield from _rows(exported, "{prefix},{value}")


def _json(exported: Exported) -> Iterator[str]:
    """
    One row a line, so that two files can be compared by ``diff`` too.
    """
    subject = json.dumps(exported.subject)
    yield f'{{"subject": {subject}, "prefixes": ['
    yield from _with_commas(_rows(exported, '{{"prefix": "{prefix}", "value": "{value}"}}'))
    yield "]}"


def _nft(exported: Exported) -> Iterator[str]:
    """
    A ``define`` for each family: elements of a set, and of a map where there are several marks.

    Sets of nftables belong to one table, and which one is the business of whoever includes this.
    """
    yield _note(exported)
    form = "    {prefix} : {value}" if exported.is_split else "    {prefix}"
    name = _NOT_IN_A_NAME.sub("_", exported.name)
    for family in FAMILIES:
        rows = list(_rows(exported, form, (family,)))
        if rows:  # nft has no word for an empty list
            yield f"define {name}_{family} = {{"
            yield from _with_commas(rows)
            yield "}"


def _ipset(exported: Exported) -> Iterator[str]:
    """
    A script for ``ipset restore``.

    Raises:
        OperatorMistake: the addresses have several marks.
    """
    if exported.is_split:
        raise OperatorMistake(
            f"{exported.subject} has several marks, which this script cannot give",
            hint="--format nft or csv; and into the kernel: proxyfeed apply",
        )
    for family in FAMILIES:
        name = net_set(exported.name[:_LONGEST_NAME], family)
        target = frozenset(exported.content.keys(family))
        yield from fill_lines(name, SetPlan(name, NET, family, Action.CREATE, "exported", target))


def _with_commas(rows: Iterable[str]) -> Iterator[str]:
    before = None
    for row in rows:
        if before is not None:
            yield f"{before},"
        before = row
    if before is not None:
        yield before


_COMMENT = re.compile(r"#.*|")
FORMATS = {
    "plain": Format(_plain, re.compile(_PREFIX), _COMMENT),
    "haproxy": Format(_haproxy, re.compile(_PREFIX), _COMMENT),
    "haproxy-map": Format(_haproxy_map, re.compile(f"{_PREFIX} {_VALUE}"), _COMMENT),
    "nginx": Format(_nginx, re.compile(f"{_PREFIX} {_VALUE};"), _COMMENT),
    "nft": Format(
        _nft, re.compile(f" +{_PREFIX}(?: : {_VALUE})?,?"), re.compile(r"#.*|define \w+ = \{|\}|")
    ),
    "ipset": Format(
        _ipset, re.compile(rf"add \S+ {_PREFIX}"), re.compile(r"create \S+ hash:net.*|")
    ),
    "csv": Format(_csv, re.compile(f"{_PREFIX},{_VALUE}"), re.compile("prefix,value|")),
    "json": Format(
        _json,
        re.compile(rf'\{{"prefix": "{_PREFIX}", "value": "{_VALUE}"\}},?'),
        re.compile(r'\{"subject": "[^"]*", "prefixes": \[|\]\}|'),
    ),
}
