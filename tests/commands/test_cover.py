"""
A set that is to have fewer prefixes: what it adds is told wherever the set is, and never applied
where it must not be.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.commands.director import TEXT_FEED, Director
from tests.commands.test_impact import PRINTED, ask, with_ipvsadm

from proxyfeed.commands.covering import cover_warnings
from proxyfeed.commands.decide import release, rollback
from proxyfeed.commands.export import Source, export
from proxyfeed.commands.history import lookup, show
from proxyfeed.commands.refusal import refuse_absurd
from proxyfeed.commands.status import status
from proxyfeed.errors import ExportFailed, KernelError
from proxyfeed.model import Cover, SetReport, UpdateResult
from proxyfeed.prefixes import PrefixSet
from proxyfeed.report import as_text
from proxyfeed.report.document import to_data
from proxyfeed.report.words import cover_line

# Two pairs: the first leaves out 256 addresses, the second 512.
LISTED = ["20.0.0.0/24", "20.0.1.0/25", "20.0.1.128/26", "20.9.0.0/24", "20.9.3.0/24"]
CONTENT = PrefixSet.parse(LISTED)
COVERED = PrefixSet.parse(["20.0.0.0/23", "20.9.0.0/22"])


def covering(setting: str, feed: str = "") -> str:
    feeds = TEXT_FEED.replace('text.stamp = "last change:"', feed)
    return f"{feeds}{setting}\n"


def published(director: Director, setting: str = "max_prefixes = 2", feed: str = "") -> Director:
    director.configure(covering(setting, feed))
    director.text_night(*LISTED)
    return director


def holds(director: Director) -> PrefixSet:
    return director.desired("relay").prefixes


# ---------------------------------------------------------------- what is desired


def test_a_set_holds_its_cover_and_its_version_what_was_published(director: Director) -> None:
    published(director)

    wanted = director.desired("relay")
    assert wanted.prefixes == COVERED
    assert wanted.listed == CONTENT
    assert director.store.content(director.store.version(1)) == CONTENT
    assert wanted.cover == Cover(
        *("relay", "max_prefixes = 2"), prefixes_listed=5, prefixes=2,
        listed_ipv4=CONTENT.addresses, listed_ipv6=0, added_ipv4=576, added_ipv6=0,
    )  # fmt: skip


def test_a_list_that_is_short_enough_is_the_set_to_the_last_bit(director: Director) -> None:
    published(director, "max_prefixes = 5")

    assert holds(director).digest == CONTENT.digest


def test_a_share_of_addresses_does_the_same(director: Director) -> None:
    published(director, 'max_extra = "10 %"')

    assert holds(director) == CONTENT | PrefixSet.parse(["20.0.0.0/23"])


def test_a_share_of_nothing_adds_nothing(director: Director) -> None:
    published(director, 'max_extra = "0 %"')

    assert holds(director) == CONTENT
    cover = director.desired("relay").cover
    assert cover
    assert cover_line(cover) == 'max_extra = "0 %": 5 prefixes, added to what is listed: nothing'


def test_where_nothing_is_listed_there_is_nothing_to_cover(director: Director) -> None:
    published(director, "max_prefixes = 2\nfamilies = [6]")

    assert director.desired("relay").cover is None


@pytest.mark.parametrize("key", ["exclude", "protect", "real_servers"])
def test_what_is_excluded_or_protected_is_not_covered(director: Director, key: str) -> None:
    published(director, f'max_prefixes = 2\n{key} = ["20.0.1.192/32", "20.9.2.7/32"]')

    assert not holds(director) & PrefixSet.parse(["20.0.1.192", "20.9.2.7"])


def test_special_purpose_space_is_not_covered(director: Director) -> None:
    director.configure(covering("max_prefixes = 1"))
    director.text_night("198.51.99.0/24", "198.51.101.0/24")

    assert holds(director) == PrefixSet.parse(["198.51.99.0/24", "198.51.101.0/24"])


def test_what_another_set_protects_is_not_covered(director: Director) -> None:
    other = '[sets.other]\nfeeds = ["relay"]\nmark = 2\nprotect = ["20.9.2.7"]'
    published(director, f"max_prefixes = 2\n{other}")

    assert holds(director) == CONTENT | PrefixSet.parse(["20.0.0.0/23"])


def test_a_cover_is_no_wider_than_the_strictest_feed_is_believed(director: Director) -> None:
    inline = '[feeds.office]\nformat = "inline"\nprefixes = ["30.0.0.1"]\ndated = 2026-11-01\n'
    toml = covering("max_prefixes = 2", "widest_ipv4 = 23")
    toml = toml.replace('["relay"]', '["relay", "office"]')
    director.configure(toml.replace("[sets.relay]", f"{inline}[sets.relay]"))
    director.text_night(*LISTED)

    assert holds(director) == CONTENT | PrefixSet.parse(["20.0.0.0/23", "30.0.0.1"])


def test_a_cover_of_ipv6_is_no_wider_than_is_believed_either(director: Director) -> None:
    director.configure(covering("max_prefixes = 2", "widest_ipv6 = 32"))
    director.text_night("2600::/33", "2600:0:c000::/34", "2600:2::/33")

    assert holds(director) == PrefixSet.parse(["2600::/32", "2600:2::/33"])
    director.configure(covering("max_prefixes = 1", "widest_ipv6 = 32"))
    assert holds(director) == PrefixSet.parse(["2600::/32", "2600:2::/33"])


def test_a_family_that_is_not_served_takes_no_prefix_of_the_number(director: Director) -> None:
    director.configure(covering("max_prefixes = 5\nfamilies = [4]"))
    director.text_night(*LISTED, "2600::/32")

    wanted = director.desired("relay")
    assert wanted.prefixes == CONTENT
    assert wanted.cover
    assert (wanted.cover.prefixes_listed, wanted.cover.listed_ipv6) == (5, 0)


def test_what_waits_to_leave_is_covered_until_it_leaves(director: Director) -> None:
    published(director, "max_prefixes = 3", 'hold_removals = "48h"\nmax_shrink = "90 %"')
    director.text_night(*LISTED[:4])
    assert CONTENT in holds(director)

    director.now += timedelta(hours=48)

    assert holds(director) == PrefixSet.parse(["20.0.0.0/23", "20.9.0.0/24"])


def test_a_rollback_covers_the_version_that_it_goes_back_to(director: Director) -> None:
    published(director)
    director.text_night("20.0.0.0/24", "20.0.1.0/24", "20.9.0.0/24", "20.9.1.0/24", "20.9.3.0/24")
    before = holds(director)

    rollback(director.config, director.doors(), 1, reason=None)
    assert holds(director) == COVERED
    release(director.config, director.doors(), "relay")

    assert holds(director) == before


# ---------------------------------------------------------------- what cannot be


def test_a_number_that_cannot_be_reached_is_refused_with_the_least_that_can(
    director: Director,
) -> None:
    published(director, 'max_prefixes = 2\nexclude = ["20.0.1.192/32", "20.9.2.7/32"]')
    spec, wanted = director.config.sets["relay"], director.desired("relay")

    with pytest.raises(KernelError) as caught:
        refuse_absurd(spec, wanted)

    assert caught.value.message.startswith(
        "set relay is not applied: it needs 5 prefixes, and max_prefixes = 2: with fewer it would"
    )
    assert caught.value.hint.startswith("set `max_prefixes = 5` or more in sets.relay, or smaller")
    with pytest.raises(ExportFailed, match="needs 5 prefixes") as exported:
        export(director.config, director.doors(), Source(set="relay"), "plain")
    assert exported.value.hint == caught.value.hint
    assert wanted.cover
    assert cover_line(wanted.cover).endswith("; fewer CANNOT be, so it is not applied")


def test_what_is_not_applied_for_another_reason_is_not_mended_by_a_number(
    director: Director,
) -> None:
    published(director)
    director.configure(covering('max_prefixes = 2\nprotect = ["20.9.3.7"]'))

    with pytest.raises(KernelError, match="own virtual services") as caught:
        refuse_absurd(director.config.sets["relay"], director.desired("relay"))

    assert caught.value.hint.startswith("mend `virtual`, `exclude` or `protect` of sets.relay, or:")


def test_lookup_does_not_tell_of_a_cover_that_is_not_applied(director: Director) -> None:
    published(director, 'max_prefixes = 2\nexclude = ["20.9.2.7"]')
    assert "20.0.1.200" in holds(director)

    found = lookup(director.config, director.doors(), "20.0.1.200")

    assert "covered by" not in as_text(found)
    assert found.warnings == (
        "set relay: max_prefixes = 2 cannot be reached, so the set is not applied: the kernel "
        "keeps what it has, and what that covers is not told here",
    )


def test_the_status_of_a_cover_that_is_not_applied_says_what_holds(director: Director) -> None:
    published(director, 'max_prefixes = 2\nexclude = ["20.9.2.7/32"]')

    def desired_line() -> str:
        lines = as_text(status(director.config, director.doors())).splitlines()
        return next(line for line in lines if line.startswith("  desired "))

    assert desired_line().endswith(", version 1: REFUSED, the kernel keeps what it has")
    director.configure(covering("max_prefixes = 2"))
    assert desired_line().endswith(" addresses, version 1")


# ---------------------------------------------------------------- what is told


def test_lookup_says_of_an_address_that_no_feed_lists_that_it_is_covered(
    director: Director,
) -> None:
    published(director)

    lines = as_text(lookup(director.config, director.doors(), "20.9.2.7")).splitlines()
    assert lines[0] == "20.9.2.7: not in feed relay"
    assert lines[-1] == (
        "20.9.2.7: in set relay all the same, though none of its feeds says so: covered by "
        "20.9.0.0/22 (max_prefixes = 2)"
    )
    for address in ("20.9.3.7", "20.10.0.1"):
        assert "covered" not in as_text(lookup(director.config, director.doors(), address))


def test_show_says_what_a_set_would_add_with_that_version(director: Director) -> None:
    published(director)
    director.text_night(*LISTED, "30.0.0.0/30")

    def told(number: int) -> list[str]:
        lines = as_text(show(director.config, director.doors(), number)).splitlines()
        return [line for line in lines if line.startswith("  set ")]

    assert told(1) == [
        "  set relay with it: max_prefixes = 2: 5 prefixes become 2, added to what is listed: "
        "IPv4 +576 addresses (60.0 %)"
    ]
    assert told(2)[0].startswith("  set relay with it: max_prefixes = 2: 6 prefixes become 2")


COVER = Cover("relay", "max_prefixes = 2", 5, 2, 960, 10, 576, 0)


def test_a_report_tells_it_in_words_and_in_numbers() -> None:
    report = SetReport("relay", (1,), cover=COVER)

    assert cover_line(COVER) == (
        "max_prefixes = 2: 5 prefixes become 2, added to what is listed: "
        "IPv4 +576 addresses (60.0 %)"
    )
    assert to_data(UpdateResult((), (report,)))["sets"][0]["cover"] == {
        "set": "relay",
        "setting": "max_prefixes = 2",
        "prefixes_listed": 5,
        "prefixes": 2,
        "listed_ipv4": 960,
        "listed_ipv6": 10,
        "added_ipv4": 576,
        "added_ipv6": 0,
        "is_reached": True,
    }


@pytest.mark.parametrize(
    ("ipv4", "ipv6", "families"),
    [(961, 0, "IPv4"), (0, 11, "IPv6"), (961, 11, "IPv4 and IPv6")],
)
def test_what_adds_more_than_there_was_is_warned_of(ipv4: int, ipv6: int, families: str) -> None:
    much = replace(COVER, added_ipv4=ipv4, added_ipv6=ipv6)

    assert cover_line(much).endswith(", MORE than the feeds list")
    assert cover_warnings([None, COVER, much]) == (
        f"set relay: max_prefixes = 2 adds more {families} addresses than its feeds list: most of "
        "those that it marks are other people's; a larger `max_prefixes` or a smaller `max_extra` "
        "adds fewer",
    )


def test_as_much_as_there_was_is_not_more() -> None:
    assert cover_warnings([None, replace(COVER, added_ipv4=960, added_ipv6=10)]) == ()


def test_what_waits_to_leave_a_set_with_a_cover_only_counts_as_listed(director: Director) -> None:
    published(director, "max_prefixes = 2", 'hold_removals = "48h"\nmax_shrink = "90 %"')
    director.text_night(*LISTED[:4])
    until = f"{director.now + timedelta(hours=48):%Y-%m-%d %H:%M} UTC"

    stands = as_text(status(director.config, director.doors()))
    assert f"that feed relay dropped count as listed until {until}: 20.9.3.0/24" in stands
    assert as_text(lookup(director.config, director.doors(), "20.9.3.1")).splitlines()[0] == (
        f"20.9.3.1: dropped by feed relay, counts as listed in set relay until {until}"
    )


def test_a_cover_is_not_computed_to_look_an_address_up_that_is_listed(
    director: Director, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(director, 'max_prefixes = 2\nexclude = ["20.9.3.9"]')
    monkeypatch.setattr("proxyfeed.commands.desired.covered", None)

    for address in ("20.9.3.7", "20.9.3.9"):
        assert "covered" not in as_text(lookup(director.config, director.doors(), address))
    with pytest.raises(TypeError):
        lookup(director.config, director.doors(), "20.9.2.7")


def test_where_nothing_is_added_that_is_said() -> None:
    same = replace(COVER, prefixes=5, added_ipv4=0)

    assert cover_line(same) == "max_prefixes = 2: 5 prefixes, added to what is listed: nothing"


def test_the_impact_between_two_versions_says_that_it_is_without_the_cover(
    director: Director,
) -> None:
    published(director)
    director.text_night(*LISTED, "20.20.0.0/25")
    doors = with_ipvsadm(director, f"/bin/cat {PRINTED}")

    (warning,) = ask(director, doors, 1, 2).warnings
    assert warning.startswith("what the cover of a set adds (max_prefixes, max_extra) is not in")
    director.configure(covering(""))
    assert ask(director, doors, 1, 2).warnings == ()
