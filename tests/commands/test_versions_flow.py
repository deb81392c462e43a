from dataclasses import replace
from datetime import timedelta

import pytest
from tests.commands.director import DAY, ONE_FEED, TWO_FEEDS, Director, outcomes, page, rows
from tests.servers import HttpServer, Request, redirect, response

from proxyfeed.commands.desired import chosen_sets, desired, states_of
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.status import status
from proxyfeed.commands.update import update
from proxyfeed.errors import OperatorMistake
from proxyfeed.model import (
    Draft,
    FeedReport,
    FeedState,
    FetchRow,
    Outcome,
    Pin,
    SetReport,
    StatusResult,
    UpdateResult,
)
from proxyfeed.prefixes import PrefixSet

OLD_DATE = "Sat, 03 Feb 2007 00:00:00 GMT"


def live(server: HttpServer) -> str:
    """
    A configuration whose one feed is served over HTTP.
    """
    return ONE_FEED.replace("file:aol.html", f"{server.url}/aol.html")


def live_and_saved(server: HttpServer) -> str:
    """
    A live page, and after it a saved copy.
    """
    urls = f'urls = ["{server.url}/aol.html", "file:saved.html"]'
    return ONE_FEED.replace('url = "file:aol.html"', urls)


def result(outcome: Outcome) -> UpdateResult:
    assert isinstance(outcome.result, UpdateResult)
    return outcome.result


def report(outcome: Outcome) -> FeedReport:
    return result(outcome).feeds[0]


def state(director: Director, feed: str = "aol") -> FeedState:
    return director.store.state(feed, director.now)


def attempts(director: Director, feed: str = "aol") -> tuple[FetchRow, ...]:
    return director.store.attempts(feed, 99)


def named(request: Request) -> tuple[str | None, str | None]:
    """
    The version that a request named as the one that it knows.
    """
    return request.headers.get("if-none-match"), request.headers.get("if-modified-since")


# ---------------------------------------------------------------- new, or nothing new


def test_a_first_update_accepts_what_it_reads(director: Director) -> None:
    done = director.night("20.0.0.0/24", "2a00::/32")

    assert outcomes(done) == {"aol": "new"}
    assert (report(done).version, done.exit_code, done.problems) == (1, 0, ())
    assert director.versions() == [(1, "accepted")]


def test_a_new_version_is_the_active_one_at_once(director: Director) -> None:
    director.night(*rows(100))

    done = director.night(*rows(101))

    assert report(done).version == director.active() == 2
    diff = report(done).diff
    assert diff is not None
    assert diff.added == PrefixSet.parse(["20.0.100.0/24"])
    assert not diff.removed


def test_a_saved_page_that_was_not_touched_is_not_read_again(director: Director) -> None:
    director.night(*rows(100))

    assert outcomes(director.night()) == {"aol": "not modified"}
    assert director.versions() == [(1, "accepted")]


def test_the_version_that_is_known_is_named_to_the_server(director: Director) -> None:
    first = response(page(*rows(100)), etag='"7"', last_modified=OLD_DATE)
    with HttpServer(first, response(status=304)) as server:
        director.configure(live(server))
        director.night()
        done = director.night()

    assert named(server.requests[0]) == (None, None)
    assert named(server.requests[1]) == ('"7"', OLD_DATE)
    assert outcomes(done) == {"aol": "not modified"}
    assert (report(done).version, done.exit_code) == (1, 0)
    assert director.versions() == [(1, "accepted")]


def test_not_modified_night_after_night_still_names_the_version(director: Director) -> None:
    first = response(page(*rows(100)), etag='"7"')
    with HttpServer(first, response(status=304)) as server:
        director.configure(live(server))
        for _ in range(4):
            director.night()

    assert [named(request)[0] for request in server.requests] == [None, '"7"', '"7"', '"7"']
    last_good = state(director).last_good
    assert last_good is not None
    assert last_good.at == director.now


def test_the_same_bytes_from_a_server_without_validators_are_no_new_version(
    director: Director,
) -> None:
    with HttpServer(response(page(*rows(100)))) as server:
        director.configure(live(server))
        director.night()
        done = director.night()

    assert named(server.requests[1]) == (None, None)
    assert outcomes(done) == {"aol": "same content"}
    assert (report(done).version, report(done).diff, done.exit_code) == (1, None, 0)
    assert director.versions() == [(1, "accepted")]


def test_other_bytes_with_the_same_addresses_are_no_new_version(director: Director) -> None:
    director.night("20.0.0.0/23", "20.0.2.0/24")

    done = director.night("20.0.2.0/24", "20.0.0.0/24", "20.0.1.0/24", "20.0.1.128/25")

    assert outcomes(done) == {"aol": "same content"}
    assert director.versions() == [(1, "accepted")]


def test_an_etag_of_other_bytes_with_the_same_addresses_is_the_one_to_name(
    director: Director,
) -> None:
    answers = [
        response(page(*each), etag=tag) for each, tag in ((rows(4), "1"), (rows(4)[::-1], "2"))
    ]
    with HttpServer(*answers, response(status=304)) as server:
        director.configure(live(server))
        for _ in range(3):
            director.night()

    assert [named(request)[0] for request in server.requests] == [None, "1", "2"]


@pytest.mark.parametrize(
    "change",
    ['html.ignore = ["last updated"]', 'html.exclude = ["clients"]', 'html.selector = "body"'],
)
def test_a_page_is_read_anew_when_the_rules_to_read_it_have_changed(
    director: Director, change: str
) -> None:
    with HttpServer(response(page(*rows(100)), etag='"7"')) as server:
        director.configure(live(server))
        director.night()
        director.configure(live(server).replace('format = "html"', f'format = "html"\n{change}'))
        director.night()
        director.night()

    # "Not modified" would be said of what the old rules made of it.
    assert [named(request)[0] for request in server.requests] == [None, None, '"7"']


def test_a_page_is_asked_for_without_a_version_when_its_url_has_changed(
    director: Director,
) -> None:
    with HttpServer(response(page(*rows(100)), etag='"7"')) as server:
        director.configure(live(server))
        director.night()
        director.configure(live(server).replace("/aol.html", "/moved.html"))
        director.night()

    assert [named(request)[0] for request in server.requests] == [None, None]


# ---------------------------------------------------------------- held


def test_what_the_guard_holds_changes_nothing(director: Director) -> None:
    director.night(*rows(100))

    done = director.night(*rows(80))

    assert outcomes(done) == {"aol": "held"}
    assert director.versions() == [(1, "accepted"), (2, "held")]
    assert director.active() == 1
    assert done.exit_code == 4
    assert done.problems[0].message == (
        "feed aol: version 2 is held: IPv4: 5,120 addresses leave, 20.0% of the 25,600 of "
        "version 1; the limit is 10.0%"
    )
    assert done.problems[0].hint == "proxyfeed diff 2"


def test_the_same_held_content_is_the_same_version_every_night(director: Director) -> None:
    director.night(*rows(100))
    director.night(*rows(80))

    for again in (director.night(), director.night(*reversed(rows(80)))):
        assert outcomes(again) == {"aol": "held"}
        assert (report(again).version, again.exit_code) == (2, 4)
        assert report(again).findings
    assert director.versions() == [(1, "accepted"), (2, "held")]


def test_an_older_held_version_that_comes_back_keeps_its_number(director: Director) -> None:
    director.night(*rows(100))
    for count, number in ((80, 2), (70, 3), (80, 2), (70, 3)):
        assert report(director.night(*rows(count))).version == number


def test_the_validators_of_a_held_version_are_not_sent(director: Director) -> None:
    accepted = response(page(*rows(100)), etag='"good"')
    stopped = response(page(*rows(50)), etag='"absurd"')
    with HttpServer(accepted, stopped) as server:
        director.configure(live(server))
        for _ in range(3):
            done = director.night()

    # "Not modified" would otherwise say that the held content is the accepted one.
    assert [named(request)[0] for request in server.requests] == [None, '"good"', '"good"']
    assert outcomes(done) == {"aol": "held"}


def test_upstream_that_comes_to_its_senses_needs_no_decision(director: Director) -> None:
    director.night(*rows(100))
    director.night(*rows(50))

    done = director.night(*rows(100))

    assert (outcomes(done), done.exit_code) == ({"aol": "same content"}, 0)
    assert director.active() == 1


def test_held_content_is_accepted_by_itself_once_the_limits_allow_it(director: Director) -> None:
    director.night(*rows(100))
    director.night(*rows(80))
    director.configure(ONE_FEED.replace('format = "html"', 'format = "html"\nmax_shrink = "30%"'))

    done = director.night()

    assert outcomes(done) == {"aol": "new"}
    assert director.versions() == [(1, "accepted"), (2, "rejected"), (3, "accepted")]
    assert director.active() == 3


def test_nine_percent_a_night_is_held_as_the_bleed_that_it_is(director: Director) -> None:
    director.night(*rows(100))

    second, third = director.night(*rows(91)), director.night(*rows(83))

    # 8.8 % of what it was the night before, but 17 % of what it was at first.
    assert outcomes(second) == {"aol": "new"}
    assert outcomes(third) == {"aol": "held"}
    assert [finding.what for finding in report(third).findings] == [
        "IPv4: 4,352 addresses leave, 17.0% of the 25,600 of version 1; the limit is 10.0%"
    ]
    assert director.active() == 2


def test_the_same_change_spread_over_months_is_no_bleed(director: Director) -> None:
    for count in (100, 91, 83, 76):
        assert outcomes(director.night(*rows(count))) == {"aol": "new"}
        director.now += 31 * DAY


# ---------------------------------------------------------------- failures


def test_a_page_that_is_no_list_keeps_the_last_good_version(director: Director) -> None:
    director.night(*rows(100))
    director.publish(body=b"<html><body><h1>503 Service Unavailable</h1></body></html>")

    done = director.night()

    assert outcomes(done) == {"aol": "not a list"}
    assert (done.exit_code, done.problems[0].code) == (3, "feed")
    assert done.problems[0].message.endswith("version 1 stays active")
    assert (report(done).version, director.active()) == (None, 1)


def test_a_feed_that_fails_from_its_first_night_has_no_version(director: Director) -> None:
    done = director.night()

    assert outcomes(done) == {"aol": "no file"}
    assert done.problems[0].message.endswith("it has no version yet")
    assert (director.versions(), director.active()) == ([], None)


def test_one_feeds_failure_does_not_stop_the_others(director: Director) -> None:
    director.configure(TWO_FEEDS)
    director.publish(*rows(100), to="opera.html")

    done = director.night()

    assert outcomes(done) == {"aol": "no file", "opera": "new"}
    assert [problem.subject for problem in done.problems] == ["feed aol"]
    assert done.exit_code == 3
    assert director.active("opera") == 1


def test_the_gravest_problem_gives_the_exit_code(director: Director) -> None:
    director.configure(TWO_FEEDS)
    director.publish(*rows(100), to="opera.html")
    director.night(*rows(100))
    director.publish(*rows(50), to="opera.html")
    (director.folder / "aol.html").unlink()

    assert director.night().exit_code == 4


def test_only_the_named_feeds_are_updated(director: Director) -> None:
    director.configure(TWO_FEEDS)
    director.publish(*rows(100), to="opera.html")

    done = director.update("opera")

    assert outcomes(done) == {"opera": "new"}
    assert attempts(director, "aol") == ()


def test_a_feed_that_is_named_twice_is_fetched_once(director: Director) -> None:
    director.publish(*rows(100))

    director.update("aol", "aol")

    assert len(attempts(director)) == 1


def test_a_feed_that_nobody_configured_is_an_operators_mistake(director: Director) -> None:
    with pytest.raises(OperatorMistake, match=r"no feed 'opera' in proxyfeed\.toml; known: aol"):
        director.update("opera")


def test_a_feed_is_stale_once_no_list_was_read_for_longer_than_its_max_age(
    director: Director,
) -> None:
    director.night(*rows(100))
    (director.folder / "aol.html").unlink()

    def stale() -> float | None:
        found = status(director.config, director.doors()).result
        assert isinstance(found, StatusResult)
        return found.feeds[0].stale_for

    for _ in range(3):
        director.night()
        assert stale() is None
    director.now += timedelta(seconds=1)
    assert stale() == 3 * 86400 + 1


# ---------------------------------------------------------------- several URLs


def test_the_saved_copy_is_read_when_the_live_page_fails_from_the_start(
    director: Director,
) -> None:
    director.publish(*rows(100), to="saved.html")
    with HttpServer(response(b"gone", status=404)) as server:
        director.configure(live_and_saved(server))
        done = director.night()

    assert outcomes(done) == {"aol": "new"}
    tried = [(attempt.outcome.value, attempt.status) for attempt in report(done).attempts]
    assert tried == [("bad status", 404), ("new", None)]


def test_the_saved_copy_is_read_when_the_live_page_is_no_list(director: Director) -> None:
    director.publish(*rows(100), to="saved.html")
    with HttpServer(response(b"<h1>This domain is for sale</h1>")) as server:
        director.configure(live_and_saved(server))
        done = director.night()

    assert outcomes(done) == {"aol": "new"}
    assert [attempt.outcome.value for attempt in report(done).attempts] == ["not a list", "new"]


def test_the_saved_copy_serves_night_after_night_while_the_live_page_never_did(
    director: Director,
) -> None:
    director.publish(*rows(100), to="saved.html")
    with HttpServer(response(b"gone", status=404)) as server:
        director.configure(live_and_saved(server))
        director.night()
        done = director.night()

    assert (outcomes(done), done.exit_code) == ({"aol": "not modified"}, 0)


def test_a_live_page_that_was_read_once_is_not_replaced_by_its_older_copy(
    director: Director,
) -> None:
    director.publish(*rows(95), to="saved.html")
    with HttpServer(response(page(*rows(100))), response(b"gone", status=404)) as server:
        director.configure(live_and_saved(server))
        director.night()
        for _ in range(2):
            done = director.night()

    assert outcomes(done) == {"aol": "bad status"}
    assert (done.exit_code, len(report(done).attempts)) == (3, 1)
    assert director.versions() == [(1, "accepted")]


def test_a_live_page_that_comes_to_life_takes_the_place_of_its_copy(director: Director) -> None:
    director.publish(*rows(100), to="saved.html")
    answers = (response(b"gone", status=404), response(page(*rows(101))), response(b"", status=404))
    with HttpServer(*answers) as server:
        director.configure(live_and_saved(server))
        alive = [outcomes(director.night())["aol"] for _ in range(3)]

    assert alive == ["new", "new", "bad status"]
    assert director.active() == 2


def test_a_live_page_that_is_held_ends_the_time_of_its_copy_too(director: Director) -> None:
    director.publish(*rows(100), to="saved.html")
    answers = (response(b"gone", status=404), response(page(*rows(50))), response(b"", status=404))
    with HttpServer(*answers) as server:
        director.configure(live_and_saved(server))
        done = [outcomes(director.night())["aol"] for _ in range(3)]

    assert done == ["new", "held", "bad status"]
    assert director.active() == 1


def test_an_older_copy_is_not_read_when_the_url_of_the_last_good_list_is_gone(
    director: Director,
) -> None:
    director.publish(*rows(95), to="saved.html")
    with HttpServer(response(page(*rows(100))), response(b"gone", status=404)) as server:
        director.configure(live_and_saved(server))
        director.night()
        director.configure(live_and_saved(server).replace("/aol.html", "/moved.html"))
        done = director.night()

    assert outcomes(done) == {"aol": "bad status"}
    assert director.versions() == [(1, "accepted")]


def test_a_shipped_copy_is_the_same_one_in_a_newer_installation(
    director: Director, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = []
    for release in ("0.1", "0.2"):
        folder = director.folder / release
        folder.mkdir()
        director.publish(*rows(100), to=f"{release}/saved.html")
        monkeypatch.setattr("proxyfeed.commands.judging.shipped", lambda _name, at=folder: at)
        with HttpServer(response(b"gone", status=404)) as server:
            director.configure(
                live_and_saved(server).replace("file:saved.html", f"{folder.as_uri()}/saved.html")
            )
            nights += [outcomes(director.night()) for _ in range(2)]

    said = [night["aol"] for night in nights]
    assert said == ["new", "not modified", "same content", "not modified"]


def test_a_redirect_is_followed_and_recorded_under_the_url_that_was_asked(
    director: Director,
) -> None:
    with HttpServer(redirect("/new.html"), response(page(*rows(100)))) as server:
        director.configure(live(server))
        director.night()

    assert [request.target for request in server.requests] == ["/aol.html", "/new.html"]
    assert [row.url for row in attempts(director)] == [f"{server.url}/aol.html"]


# ---------------------------------------------------------------- dry runs


@pytest.mark.parametrize("count", [100, 101, 50])
def test_a_dry_run_writes_nothing_at_all(director: Director, count: int) -> None:
    director.night(*rows(100))
    director.publish(*rows(count), "2a00::/32")
    before = director.files()

    director.update(dry_run=True)

    assert director.files() == before
    assert before.keys() >= {"proxyfeed.db", "proxyfeed.db-wal"}


def test_a_dry_run_says_what_a_run_would_do(director: Director) -> None:
    director.night(*rows(100))
    director.publish(*rows(101))

    tried = director.update(dry_run=True)

    assert result(tried).dry_run
    assert outcomes(tried) == {"aol": "new"}
    assert report(tried).version is None
    diff = report(tried).diff
    assert diff is not None
    assert diff == report(director.update()).diff


def test_a_dry_run_says_what_would_be_held(director: Director) -> None:
    director.night(*rows(100))
    director.publish(*rows(50))

    tried = director.update(dry_run=True)

    assert (outcomes(tried), tried.exit_code) == ({"aol": "held"}, 4)
    assert "the new version is held: IPv4: 12,800 addresses leave" in tried.problems[0].message


def test_a_dry_run_sends_no_alert(director: Director) -> None:
    director.configure(ONE_FEED + '[alerts]\nto = ["json://chat.example.net"]')

    assert director.update(dry_run=True).exit_code == 3
    assert director.sent == []


# ---------------------------------------------------------------- what a set should hold


def wanted(director: Director, doors: Doors, **instead: Draft) -> PrefixSet:
    spec = director.config.sets["aol"]
    return desired(director.config, doors, spec, states_of(doors, spec.feeds), instead).prefixes


def test_a_set_wants_the_union_of_its_feeds_less_what_it_excludes(director: Director) -> None:
    toml = TWO_FEEDS.replace('feeds = ["aol"]', 'feeds = ["aol", "opera"]')
    director.configure(f'{toml}\nexclude = ["20.0.0.128/25"]')
    director.publish("20.0.1.0/24", "2a00::/32", to="opera.html")
    director.night("20.0.0.0/24")

    doors = director.doors()
    assert list(wanted(director, doors).lines()) == ["20.0.0.0/25", "20.0.1.0/24", "2a00::/32"]


def test_a_set_does_without_a_feed_that_has_no_version_yet_and_names_it(
    director: Director,
) -> None:
    director.configure(TWO_FEEDS.replace('feeds = ["aol"]', 'feeds = ["aol", "opera"]'))
    director.night("20.0.0.0/24")

    doors = director.doors()
    spec = director.config.sets["aol"]
    found = desired(director.config, doors, spec, states_of(doors, spec.feeds))

    assert (found.versions, found.missing) == ((1,), ("opera",))
    assert found.prefixes == PrefixSet.parse(["20.0.0.0/24"])


def test_a_dry_runs_content_counts_instead_of_the_active_version(director: Director) -> None:
    director.night("20.0.0.0/24")
    would_be = PrefixSet.parse(["30.0.0.0/24"])

    doors = director.doors()
    assert wanted(director, doors, aol=Draft(would_be)) == would_be


def test_a_pinned_feed_counts_with_its_pinned_version_in_a_dry_run_too(
    director: Director,
) -> None:
    director.night("20.0.0.0/24")
    director.store.pin(Pin("aol", 1, director.now, "ines"))

    found = wanted(director, director.doors(), aol=Draft(PrefixSet.parse(["30.0.0.0/24"])))

    assert found == PrefixSet.parse(["20.0.0.0/24"])


def test_a_set_that_nobody_configured_is_an_operators_mistake(director: Director) -> None:
    with pytest.raises(OperatorMistake, match="no set 'opera'; known: aol"):
        chosen_sets(director.config, ("opera",))


def test_a_manual_configuration_records_and_leaves_the_kernel_alone(director: Director) -> None:
    done = director.night(*rows(100))

    reason = 'the configuration says apply = "manual"'
    assert result(done).sets == (SetReport("aol", skipped=reason),)


def test_no_apply_leaves_the_kernel_alone_in_an_automatic_configuration(
    director: Director,
) -> None:
    director.publish(*rows(100))
    automatic = replace(director.config, apply="auto")

    done = update(automatic, director.doors(), (), skip_apply=True)

    assert result(done).sets == (SetReport("aol", skipped="--no-apply was given"),)
    assert done.exit_code == 0
