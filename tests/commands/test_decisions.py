import pytest
from tests.commands.director import (
    DAY,
    FIRST_NIGHT,
    ONE_FEED,
    TWO_FEEDS,
    Director,
    outcomes,
    page,
    rows,
)

from proxyfeed.commands.decide import approve, reject, release, rollback
from proxyfeed.commands.diff import diff
from proxyfeed.commands.history import (
    body,
    fetched_body,
    fetches,
    history,
    lookup,
    show,
)
from proxyfeed.errors import GuardError, OperatorMistake
from proxyfeed.model import (
    Comparison,
    DecisionResult,
    Diff,
    DiffResult,
    FetchesResult,
    HistoryResult,
    LookupResult,
    Membership,
    Outcome,
    Pin,
    ShowResult,
    Version,
)
from proxyfeed.prefixes import PrefixSet

NOTHING = Diff(PrefixSet(), PrefixSet())


def decision(outcome: Outcome) -> DecisionResult:
    assert isinstance(outcome.result, DecisionResult)
    return outcome.result


def do_approve(director: Director, number: int, reason: str | None = None) -> DecisionResult:
    return decision(approve(director.config, director.doors(), number, reason=reason))


def do_reject(director: Director, number: int, reason: str | None = None) -> DecisionResult:
    return decision(reject(director.doors(), number, reason=reason))


def do_rollback(director: Director, number: int, reason: str | None = None) -> Outcome:
    """
    Roll back; this host has no ipset, so the set itself is a problem of its own.
    """
    return rollback(director.config, director.doors(), number, reason=reason)


def do_release(director: Director, feed: str = "aol") -> DecisionResult:
    return decision(release(director.config, director.doors(), feed))


def version(director: Director, number: int) -> Version:
    return director.store.version(number)


def pin(director: Director) -> Pin | None:
    return director.store.state("aol", director.now).pin


def kinds(outcome: Outcome) -> tuple[str, int]:
    return outcomes(outcome)["aol"], outcome.exit_code


@pytest.fixture
def held(director: Director) -> Director:
    """
    A director with version 1 active, and version 2, half of it, held.
    """
    director.night(*rows(100))
    director.night(*rows(50))
    assert director.versions() == [(1, "accepted"), (2, "held")]
    return director


@pytest.fixture
def grown(director: Director) -> Director:
    """
    A director with three accepted versions of 100, 101 and 102 times 256 addresses.
    """
    for count in (100, 101, 102):
        director.night(*rows(count))
    return director


# ---------------------------------------------------------------- approve


def test_an_approved_version_is_the_active_one(held: Director) -> None:
    done = do_approve(held, 2, "announced by upstream")

    assert (done.version, done.active, held.active()) == (2, 2, 2)
    assert done.diff == Diff(PrefixSet(), PrefixSet.parse(rows(50, first=50)))
    assert done.note.endswith("to put it into the kernel: proxyfeed apply")
    approved = version(held, 2)
    assert (approved.decided_by, approved.reason) == ("ines", "announced by upstream")
    assert approved.accepted_at == approved.decided_at == held.now


def test_the_night_after_an_approval_finds_the_same_content(held: Director) -> None:
    do_approve(held, 2)

    assert kinds(held.night(*rows(50))) == ("same content", 0)
    assert held.versions() == [(1, "accepted"), (2, "accepted")]


def test_after_an_approval_the_guard_compares_with_what_was_approved(held: Director) -> None:
    do_approve(held, 2)

    # 50 to 52 is 4 % of what was approved; against version 1 it would be held again each night.
    assert kinds(held.night(*rows(52))) == ("new", 0)


def test_approval_gives_an_older_held_version_up(held: Director) -> None:
    held.night(*rows(40))
    do_approve(held, 3)

    assert held.versions() == [(1, "accepted"), (2, "rejected"), (3, "accepted")]
    with pytest.raises(OperatorMistake, match=r"2 is rejected \(overtaken by version 3\)"):
        do_approve(held, 2)


def test_an_older_held_version_can_be_approved_while_a_newer_one_waits(held: Director) -> None:
    held.night(*rows(40))
    do_approve(held, 2)

    assert held.versions() == [(1, "accepted"), (2, "accepted"), (3, "held")]
    assert held.active() == 2


@pytest.mark.parametrize(
    ("absurd", "remedy"),
    [
        ("10.0.0.0/24", 'allow = ["10.0.0.0/24"]'),
        ("21.0.0.0/7", "widest_ipv4 = 7"),
    ],
)
def test_what_is_absurd_cannot_be_approved_until_the_configuration_admits_it(
    director: Director, absurd: str, remedy: str
) -> None:
    director.configure(ONE_FEED.replace('format = "html"', 'format = "html"\nmax_growth = "100%"'))
    director.night(*rows(100))
    assert kinds(director.night(*rows(100), absurd)) == ("held", 4)

    with pytest.raises(GuardError, match="version 2 of feed aol cannot be approved: it holds"):
        do_approve(director, 2)
    assert director.versions() == [(1, "accepted"), (2, "held")]

    director.configure(ONE_FEED.replace('format = "html"', f'format = "html"\n{remedy}'))
    assert do_approve(director, 2).active == 2


def test_own_addresses_cannot_be_approved_until_they_are_no_longer_own(
    director: Director,
) -> None:
    director.configure(f'{ONE_FEED}\nprotect = ["20.0.0.7"]')
    director.night(*rows(100))

    with pytest.raises(GuardError, match=r"own virtual services.*20\.0\.0\.7/32") as caught:
        do_approve(director, 1)
    assert caught.value.hint == "mend proxyfeed.toml, then: proxyfeed approve 1"

    director.configure(ONE_FEED)
    assert do_approve(director, 1).active == 1


def test_own_addresses_of_a_set_bind_the_feeds_that_it_takes_and_no_others(
    director: Director,
) -> None:
    director.configure(f'{TWO_FEEDS}\nprotect = ["20.0.0.7"]')
    director.publish(*rows(100), to="opera.html")

    assert outcomes(director.night(*rows(100))) == {"opera": "new", "aol": "held"}


def test_own_addresses_that_the_set_leaves_out_may_be_in_its_feed(director: Director) -> None:
    director.configure(f'{ONE_FEED}\nprotect = ["20.0.0.7"]\nexclude = ["20.0.0.0/28"]')

    assert kinds(director.night(*rows(100))) == ("new", 0)


def test_what_became_absurd_since_it_was_held_cannot_be_approved(held: Director) -> None:
    held.configure(f'{ONE_FEED}\nprotect = ["20.0.0.7"]')

    with pytest.raises(GuardError, match="cannot be approved"):
        do_approve(held, 2)


def test_an_approval_under_a_pin_waits_for_its_release(held: Director) -> None:
    do_rollback(held, 1)

    done = do_approve(held, 2)

    assert (done.active, held.active()) == (1, 1)
    assert done.diff == NOTHING
    assert done.note.endswith("to follow: proxyfeed release aol")
    assert do_release(held).active == 2


@pytest.mark.parametrize("decide", [do_approve, do_reject])
def test_only_what_is_held_waits_for_a_decision(grown: Director, decide: object) -> None:
    assert callable(decide)
    with pytest.raises(OperatorMistake, match=r"there is nothing to \w+: version 1 is accepted"):
        decide(grown, 1)
    with pytest.raises(OperatorMistake, match="there is no version 42"):
        decide(grown, 42)


def test_a_version_of_a_feed_that_is_not_configured_cannot_be_approved(held: Director) -> None:
    held.configure(TWO_FEEDS.replace("feeds.aol", "feeds.old").replace('["aol"]', '["old"]'))

    with pytest.raises(OperatorMistake, match=r"of feed aol, which proxyfeed\.toml does not have"):
        do_approve(held, 2)


# ---------------------------------------------------------------- reject


def test_a_rejection_changes_nothing_else(held: Director) -> None:
    done = do_reject(held, 2, "not announced")

    assert (done.active, done.diff, held.active()) == (1, NOTHING, 1)
    rejected = version(held, 2)
    assert (rejected.status, rejected.decided_by, rejected.reason) == (
        "rejected",
        "ines",
        "not announced",
    )


def test_rejected_content_is_not_held_again(held: Director) -> None:
    do_reject(held, 2)

    for _ in range(2):
        again = held.night(*rows(50))
        assert kinds(again) == ("rejected before", 0)
        assert again.warnings == ("feed aol: upstream serves version 2, which was rejected",)
    assert held.versions() == [(1, "accepted"), (2, "rejected")]


def test_rejected_content_is_judged_anew_once_the_feed_has_moved_on(held: Director) -> None:
    do_reject(held, 2)
    held.night(*rows(101))

    assert kinds(held.night(*rows(50))) == ("held", 4)
    assert held.versions()[-1] == (4, "held")


def test_contents_that_take_turns_are_rejected_once_each(held: Director) -> None:
    do_reject(held, 2)
    held.night(*rows(40))
    do_reject(held, 3)

    again = [kinds(held.night(*rows(count))) for count in (50, 40, 50, 40)]

    assert again == [("rejected before", 0)] * 4
    assert held.versions() == [(1, "accepted"), (2, "rejected"), (3, "rejected")]


def test_a_rejected_version_can_be_approved_after_all(held: Director) -> None:
    do_reject(held, 2, "not announced")

    done = do_approve(held, 2, "announced since")

    assert (done.active, held.active()) == (2, 2)
    assert version(held, 2).reason == "announced since"
    assert kinds(held.night(*rows(50))) == ("same content", 0)


def test_a_rejected_version_cannot_be_approved_once_the_feed_has_moved_on(held: Director) -> None:
    do_reject(held, 2, "not announced")
    held.night(*rows(101))

    with pytest.raises(OperatorMistake, match=r"2 is rejected \(not announced\)"):
        do_approve(held, 2)


def test_a_version_is_rejected_once(held: Director) -> None:
    do_reject(held, 2, "not announced")

    with pytest.raises(OperatorMistake, match="nothing to reject: version 2 is rejected"):
        do_reject(held, 2)


def test_other_content_than_the_rejected_is_held(held: Director) -> None:
    do_reject(held, 2)

    assert kinds(held.night(*rows(51))) == ("held", 4)


def test_a_rejected_version_can_still_be_looked_at(held: Director) -> None:
    do_reject(held, 2)

    shown = show(held.config, held.doors(), 2).result

    assert isinstance(shown, ShowResult)
    assert shown.content == PrefixSet.parse(rows(50))


# ---------------------------------------------------------------- rollback and release


def test_a_rollback_pins_its_feed(grown: Director) -> None:
    done = do_rollback(grown, 1, "carts are lost")

    assert grown.active() == 1
    assert pin(grown) == Pin("aol", 1, grown.now, "ines", "carts are lost")
    assert decision(done).diff == Diff(PrefixSet(), PrefixSet.parse(rows(2, first=100)))
    assert decision(done).note == (
        "feed aol is pinned to version 1; to lift the pin: proxyfeed release aol"
    )


def test_a_rollback_applies_even_where_apply_is_manual_and_says_if_it_could_not(
    grown: Director,
) -> None:
    done = do_rollback(grown, 1)

    assert [(one.subject, one.code) for one in done.problems] == [("set aol", "tool-missing")]
    assert done.exit_code == 7
    assert [one.set for one in decision(done).sets] == ["aol"]


def test_the_nightly_update_honours_a_pin_and_goes_on_recording(grown: Director) -> None:
    do_rollback(grown, 1)

    done = grown.night(*rows(103))

    assert kinds(done) == ("new", 0)
    assert done.warnings == (
        "feed aol is pinned to version 1, and upstream is at 4; to follow it again: "
        "proxyfeed release aol",
    )
    assert grown.active() == 1
    assert grown.versions()[-1] == (4, "accepted")


def test_under_a_pin_the_guard_still_compares_with_the_newest_version(grown: Director) -> None:
    do_rollback(grown, 1)

    # 10 % less than 102, but 8 % less than the pinned 100.
    assert kinds(grown.night(*rows(91))) == ("held", 4)


def test_a_rollback_to_the_active_version_pins_it(grown: Director) -> None:
    done = decision(do_rollback(grown, 3))

    assert done.diff == NOTHING
    assert "version 3 of feed aol was active, and is now pinned" in done.note
    assert grown.night().warnings == ()
    grown.night(*rows(103))
    assert grown.active() == 3


def test_a_second_rollback_to_the_same_version_keeps_the_first_pin(grown: Director) -> None:
    do_rollback(grown, 1, "carts are lost")
    first = pin(grown)
    grown.now += DAY

    assert "and is pinned already" in decision(do_rollback(grown, 1)).note
    assert pin(grown) == first


def test_a_second_rollback_with_a_reason_of_its_own_is_a_new_pin(grown: Director) -> None:
    do_rollback(grown, 1)
    grown.now += DAY

    do_rollback(grown, 1, "carts are lost")

    assert pin(grown) == Pin("aol", 1, grown.now, "ines", "carts are lost")


def test_a_rollback_from_a_rollback_moves_the_pin(grown: Director) -> None:
    do_rollback(grown, 1)

    done = decision(do_rollback(grown, 2))

    assert done.diff == Diff(PrefixSet.parse(rows(1, first=100)), PrefixSet())
    assert grown.active() == 2


def test_there_is_no_way_back_to_what_was_never_active(held: Director) -> None:
    with pytest.raises(OperatorMistake, match="2 is held and was never active") as caught:
        do_rollback(held, 2)
    assert caught.value.hint == "proxyfeed approve 2"

    do_reject(held, 2, "not announced")
    with pytest.raises(OperatorMistake, match="2 was rejected and was never active: not announced"):
        do_rollback(held, 2)

    with pytest.raises(OperatorMistake, match="there is no version 42") as caught:
        do_rollback(held, 42)
    assert caught.value.hint == "proxyfeed history"
    assert pin(held) is None


def test_a_version_of_a_feed_in_no_set_has_nothing_to_roll_back(director: Director) -> None:
    director.configure(TWO_FEEDS)
    director.publish(*rows(10), to="opera.html")
    director.update("opera")

    with pytest.raises(OperatorMistake, match=r"feed opera, which is in no set of proxyfeed\.toml"):
        do_rollback(director, 1)
    assert director.store.state("opera", director.now).pin is None


def test_a_release_follows_upstream_again(grown: Director) -> None:
    do_rollback(grown, 1)

    done = do_release(grown)

    assert (done.version, done.active, grown.active(), pin(grown)) == (1, 3, 3, None)
    assert done.diff == Diff(PrefixSet.parse(rows(2, first=100)), PrefixSet())
    assert done.note == (
        "feed aol follows upstream again, at version 3; to put it into the kernel: proxyfeed apply"
    )


def test_a_release_that_changes_nothing_asks_for_nothing(grown: Director) -> None:
    do_rollback(grown, 3)

    assert do_release(grown).note == "feed aol follows upstream again, at version 3"


@pytest.mark.parametrize("feed", ["aol", "unknown"])
def test_only_a_pinned_feed_can_be_released(grown: Director, feed: str) -> None:
    with pytest.raises(OperatorMistake, match=f"feed '{feed}' is not pinned"):
        do_release(grown, feed)


# ---------------------------------------------------------------- diff


def compared(director: Director, *numbers: int, exit_code: bool = False) -> Comparison:
    outcome = diff(director.config, director.doors(), numbers, exit_code=exit_code)
    assert isinstance(outcome.result, DiffResult)
    return outcome.result.comparisons[0]


def test_one_version_is_compared_with_the_active_one(held: Director) -> None:
    found = compared(held, 2)

    assert (found.old, found.new) == ("aol version 1 (active)", "aol version 2 (held)")
    assert found.diff == Diff(PrefixSet(), PrefixSet.parse(rows(50, first=50)))
    assert found.note == ""


def test_the_active_version_differs_from_itself_in_nothing(grown: Director) -> None:
    found = compared(grown, 3)

    assert found.diff == NOTHING
    assert found.note == ("version 3 is the active one; for what it changed: proxyfeed show 3")


def test_the_active_version_is_the_pinned_one(grown: Director) -> None:
    do_rollback(grown, 1)

    assert compared(grown, 2).old == "aol version 1 (active)"


def test_a_first_version_that_is_held_is_compared_with_nothing(director: Director) -> None:
    director.night("10.0.0.0/24")

    found = compared(director, 1)

    assert (found.old, found.diff.added) == ("nothing", PrefixSet.parse(["10.0.0.0/24"]))


def test_two_versions_are_compared_in_the_order_that_was_asked(grown: Director) -> None:
    assert compared(grown, 1, 3).diff.added == PrefixSet.parse(rows(2, first=100))
    assert compared(grown, 3, 1).diff.removed == PrefixSet.parse(rows(2, first=100))


def test_a_wider_prefix_is_another_line_and_only_its_new_addresses_are_added(
    director: Director,
) -> None:
    director.night(*rows(100), "20.0.100.0/25")
    director.night(*rows(100), "20.0.100.0/24")

    found = compared(director, 1, 2)

    assert found.diff == Diff(PrefixSet.parse(["20.0.100.128/25"]), PrefixSet())
    assert (found.entries_added, found.entries_removed) == (("20.0.100.0/24",), ("20.0.100.0/25",))


def test_versions_of_two_feeds_are_not_compared(director: Director) -> None:
    director.configure(TWO_FEEDS)
    director.publish(*rows(100), to="opera.html")
    director.night(*rows(100))

    with pytest.raises(OperatorMistake, match="1 is of feed aol and version 2 of feed opera"):
        compared(director, 1, 2)


@pytest.mark.parametrize("numbers", [(42,), (1, 42), (42, 1)])
def test_a_version_that_does_not_exist_is_not_compared(
    grown: Director, numbers: tuple[int, ...]
) -> None:
    with pytest.raises(OperatorMistake, match="there is no version 42"):
        compared(grown, *numbers)


def test_a_difference_is_an_exit_code_only_where_that_was_asked_for(held: Director) -> None:
    def code(*numbers: int, exit_code: bool) -> int:
        return diff(held.config, held.doors(), numbers, exit_code=exit_code).exit_code

    assert code(2, exit_code=True) == 1
    assert code(2, exit_code=False) == 0
    assert code(1, exit_code=True) == 0


# ---------------------------------------------------------------- show, history, lookup


def test_a_version_is_shown_with_what_it_changed(grown: Director) -> None:
    shown = show(grown.config, grown.doors(), 2).result

    assert isinstance(shown, ShowResult)
    assert (shown.version.id, shown.before) == (2, 1)
    assert (shown.is_active, shown.is_pinned) == (False, False)
    assert shown.diff == Diff(PrefixSet.parse(rows(1, first=100)), PrefixSet())
    assert shown.content == PrefixSet.parse(rows(101))


def test_a_pinned_version_is_shown_as_active_and_pinned(grown: Director) -> None:
    do_rollback(grown, 1)

    shown = show(grown.config, grown.doors(), 1).result

    assert isinstance(shown, ShowResult)
    assert (shown.is_active, shown.is_pinned, shown.before) == (True, True, None)

    other = show(grown.config, grown.doors(), 3).result

    assert isinstance(other, ShowResult)
    assert (other.is_active, other.is_pinned) == (False, False)


def test_the_bytes_of_a_version_can_be_had_as_they_came(grown: Director) -> None:
    assert body(grown.doors(), 3) == (grown.folder / "aol.html").read_bytes()


def test_bytes_that_are_no_longer_kept_are_said_to_be_that(director: Director) -> None:
    for night in range(11):
        director.night(*rows(100 + night))

    with pytest.raises(OperatorMistake, match="the body of version 1 is no longer kept"):
        body(director.doors(), 1)


def test_the_attempts_at_a_feed_are_listed_and_their_bodies_can_be_had(
    director: Director,
) -> None:
    director.night(*rows(100))
    director.publish(body=b"<h1>503 Service Unavailable</h1>")
    director.night()

    found = fetches(director.config, director.doors(), "aol", 9).result
    assert isinstance(found, FetchesResult)
    refused, accepted = found.fetches

    assert (refused.outcome, accepted.outcome) == ("not a list", "new")
    assert fetched_body(director.doors(), refused.id) == b"<h1>503 Service Unavailable</h1>"
    assert fetched_body(director.doors(), accepted.id) == page(*rows(100))


def test_an_attempt_that_brought_no_body_is_said_to_have_none(director: Director) -> None:
    director.night()

    for number in (1, 42):
        with pytest.raises(OperatorMistake, match=f"no body is kept of fetch {number}"):
            fetched_body(director.doors(), number)


def test_a_feed_that_is_unknown_has_no_attempts(director: Director) -> None:
    found = fetches(director.config, director.doors(), "aol", 9).result
    assert found == FetchesResult(())

    with pytest.raises(OperatorMistake, match="there is no feed 'nosuch'"):
        fetches(director.config, director.doors(), "nosuch", 9)


def past(director: Director, feed: str | None = None, limit: int = 20) -> HistoryResult:
    found = history(director.config, director.doors(), feed, limit).result
    assert isinstance(found, HistoryResult)
    return found


def test_history_names_the_active_version_of_each_feed_and_the_pins(director: Director) -> None:
    director.configure(TWO_FEEDS)
    director.publish(*rows(100), to="opera.html")
    director.night(*rows(100))
    director.night(*rows(101))
    do_rollback(director, 1)

    found = past(director)

    assert [one.id for one in found.versions] == [3, 2, 1]
    assert sorted(found.active) == [1, 2]
    assert [one.version for one in found.pins] == [1]


def test_history_names_the_active_version_also_where_it_is_not_listed(grown: Director) -> None:
    do_rollback(grown, 1)

    found = past(grown, "aol", limit=1)

    assert [one.id for one in found.versions] == [3]
    assert found.active == (1,)


def test_a_feed_without_versions_has_an_empty_history(director: Director) -> None:
    assert past(director, "aol") == HistoryResult((), (), ())


def test_a_feed_that_is_unknown_has_no_history(director: Director) -> None:
    with pytest.raises(OperatorMistake, match="there is no feed 'nosuch'"):
        past(director, "nosuch")


def test_a_feed_that_is_no_longer_configured_still_has_its_history(grown: Director) -> None:
    grown.configure(TWO_FEEDS.replace("feeds.aol", "feeds.old").replace('["aol"]', '["old"]'))

    assert [one.id for one in past(grown, "aol").versions] == [3, 2, 1]


def membership(director: Director, address: str) -> Membership:
    found = lookup(director.config, director.doors(), address).result
    assert isinstance(found, LookupResult)
    return found.memberships[0]


def stays(found: Membership) -> list[tuple[int, int | None]]:
    return [(stay.since.id, stay.until.id if stay.until else None) for stay in found.stays]


def test_lookup_tells_when_an_address_came_and_went(director: Director) -> None:
    for prefixes in (rows(100), rows(99), rows(100)):
        director.night(*prefixes, "2a00::/32")

    found = membership(director, "20.0.99.1")

    assert (found.is_in, found.sets, stays(found)) == (True, ("aol",), [(1, 2), (3, None)])
    assert found.stays[0].since.accepted_at == FIRST_NIGHT + DAY
    assert stays(membership(director, "2a00::1")) == [(1, None)]


def test_lookup_asks_the_active_version_and_not_the_newest(grown: Director) -> None:
    do_rollback(grown, 1)

    found = membership(grown, "20.0.101.1")

    assert (found.is_in, found.sets, stays(found)) == (False, (), [(3, None)])


def test_an_address_that_went_with_the_active_version_is_not_in_it(director: Director) -> None:
    for count in (100, 99, 98):
        director.night(*rows(count))
    do_rollback(director, 2)

    assert not membership(director, "20.0.99.1").is_in
    assert membership(director, "20.0.98.1").is_in


def test_lookup_of_a_stranger_finds_it_nowhere(grown: Director) -> None:
    found = membership(grown, "30.0.0.1")

    assert (found.is_in, found.sets, found.stays) == (False, (), ())


def test_lookup_names_the_sets_that_leave_an_address_out(director: Director) -> None:
    director.configure(f'{ONE_FEED}\nexclude = ["20.0.0.7"]')
    director.night(*rows(100))

    left_out, taken = membership(director, "20.0.0.7"), membership(director, "20.0.0.8")

    assert (left_out.is_in, left_out.sets, left_out.excluded) == (True, (), ("aol",))
    assert (taken.is_in, taken.sets, taken.excluded) == (True, ("aol",), ())


def test_lookup_names_no_set_that_does_not_serve_the_family(director: Director) -> None:
    director.configure(f"{ONE_FEED}\nfamilies = [4]")
    director.night("20.0.0.0/24", "2a00::/32")

    found = membership(director, "2a00::1")

    assert (found.is_in, found.sets) == (True, ())
    assert membership(director, "20.0.0.1").sets == ("aol",)


def test_lookup_prints_an_address_in_its_usual_form(grown: Director) -> None:
    found = lookup(grown.config, grown.doors(), "2A00:0::0:1").result

    assert isinstance(found, LookupResult)
    assert found.address == "2a00::1"


@pytest.mark.parametrize("text", ["20.0.1", "20.0.0.0/24", "proxy.example.net", ""])
def test_lookup_of_what_is_no_address_is_an_operators_mistake(
    director: Director, text: str
) -> None:
    with pytest.raises(OperatorMistake, match="is not a full IPv4 or IPv6 address"):
        membership(director, text)
