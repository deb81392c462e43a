"""
What ``ipvsadm --save --numeric`` prints, read into values. Pure.

::

    -A -t 192.0.2.80:80 -s wlc -p 3600
    -a -t 192.0.2.80:80 -r 192.0.2.11:80 -g -w 1
    -A -f 1 -s wlc -p 3600 -M 0.0.0.0
    -a -f 1 -r 192.0.2.11:0 -g -w 1
    -A -f 1 -6 -s wlc -p 3600 -M 1
    -a -f 1 -6 -r [2001:db8::12]:0 -i -w 1 --tun-type ipip

The thresholds of ``-x`` and ``-y`` are not in it (1.31), and a mark from 2^31 on is printed as a
negative number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from proxyfeed.errors import BadPrefix, CommandFailed
from proxyfeed.lvs.lines import FLAGS, read_endpoint
from proxyfeed.model import LiveServer, LiveService
from proxyfeed.notation import BITS, number_to_text, read_address

_FORWARDING = {flag: way for way, flag in FLAGS.items()}
_PROTOCOLS = {"-t": "tcp", "-u": "udp", "--sctp-service": "sctp"}
_FWMARK = "fwm"
_MARKS = 2**32
# What has a value that is not looked at: the value is kept beside it.
_KEPT = frozenset({"-b", "--pe", "--tun-type", "--tun-port", "-x", "-y"})


def parse_table(text: str) -> tuple[LiveService, ...]:
    """
    Read a whole table, in its order.

    Raises:
        CommandFailed: a line is none that ipvsadm prints; no part of such a table is believed.
    """
    found: dict[tuple[object, ...], LiveService] = {}
    for line in text.splitlines():
        try:
            words = _Words.of(line)
            if words.verb == "-A":
                service = _service(words)
                found[_key(service)] = service
            else:
                key = _key(_identity(words))
                service = found[key]
                found[key] = replace(service, servers=(*service.servers, _server(words)))
        except (ValueError, KeyError, IndexError, BadPrefix) as exc:
            what = f"ipvsadm printed what is no line of a table: {line[:80]}"
            raise CommandFailed(what, hint="ipvsadm --save --numeric") from exc
    return tuple(found.values())


def service_of(table: Iterable[LiveService], mark: int, family: int) -> LiveService | None:
    """
    The virtual service of a mark; each family has one of its own.
    """
    wanted = (_FWMARK, mark, family)
    return next((one for one in table if (one.protocol, one.mark, one.family) == wanted), None)


@dataclass
class _Words:
    """
    One line, taken apart from left to right: the *options* that are known, the rest in *odd*.
    """

    verb: str
    options: dict[str, str] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, line: str) -> _Words:
        verb, *words = line.split()
        if verb not in ("-A", "-a"):
            raise ValueError(verb)
        found = cls(verb)
        rest = iter(words)
        for word in rest:
            if word in _VALUED:
                if word in found.options:
                    raise ValueError(f"{word} twice")
                found.options[word] = next(rest, "")
            elif word in _BARE:
                found.options[word] = ""
            elif word in _KEPT:
                found.odd.append(f"{word} {next(rest, '')}")
            else:
                found.odd.append(word)
        return found


_SERVICE_WORDS = ("-f", *_PROTOCOLS)
_VALUED = frozenset({*_SERVICE_WORDS, "-s", "-p", "-M", "-r", "-w"})
_BARE = frozenset({"-6", *_FORWARDING})


def _key(service: LiveService) -> tuple[object, ...]:
    return service.protocol, service.family, service.mark, service.address, service.port


def _identity(words: _Words) -> LiveService:
    """
    The service that a line is about, without what it is like.
    """
    (word,) = (one for one in _SERVICE_WORDS if one in words.options)
    value = words.options[word]
    family, mark, address, port = 6 if "-6" in words.options else 4, 0, "", 0
    if word == "-f":
        mark = int(value) % _MARKS
    else:
        family, address, port = _place(value)
    protocol = _PROTOCOLS.get(word, _FWMARK)
    return LiveService(protocol, family, mark, address, port, "", 0, BITS[family])


def _service(words: _Words) -> LiveService:
    service = _identity(words)
    if "-r" in words.options:
        raise ValueError("a real server")
    return replace(
        service,
        scheduler=words.options["-s"],
        persistence=int(words.options.get("-p", "0")),
        granularity=_granularity(service.family, words.options.get("-M")),
        odd=tuple(words.odd),
    )


def _granularity(family: int, mask: str | None) -> int:
    """
    Read ``0.0.0.0`` as 0, or the prefix length of IPv6 as it is. ipvsadm prints none where each
    client has a template of its own.
    """
    if mask is None:
        return BITS[family]
    if family == 6:
        return int(mask)
    _, number = read_address(mask)
    return number.bit_count()


def _server(words: _Words) -> LiveServer:
    family, address, port = _place(words.options["-r"])
    (forwarding,) = (way for word, way in _FORWARDING.items() if word in words.options)
    weight = int(words.options["-w"])
    odd = tuple(one for one in words.odd if one != "--tun-type ipip")  # what -i alone means
    return LiveServer(family, address, port, forwarding, weight, odd)


def _place(text: str) -> tuple[int, str, int]:
    (family, number), port = read_endpoint(text)
    return family, number_to_text(family, number), port
