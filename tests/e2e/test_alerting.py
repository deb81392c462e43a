"""
What an operator is told, how often, and what becomes of a message that does not arrive.
"""

from __future__ import annotations

import fcntl
import socket
from collections.abc import Iterator

import pytest
from tests.e2e.machine import ALERTS, CONFIGURATION, Machine, Session
from tests.e2e.pages import GROWN, LIST, SHRUNK, page
from tests.e2e.servers import MAIL_PORT, PAGE, Mailbox, Message, Site, Webhook
from tests.kernel.namespaces import Namespace
from tests.servers import response

pytestmark = pytest.mark.kernel

SET = "proxyfeed_aol_4"


@pytest.fixture
def alerted(running: Machine, webhook: Webhook) -> Machine:
    """
    A director after its first night, whose alerts go to *webhook*.
    """
    running.configure(CONFIGURATION + ALERTS)
    return running


@pytest.fixture
def session(alerted: Machine) -> Iterator[Session]:
    """
    One process that runs command after command on *alerted*.
    """
    with alerted.session() as session:
        yield session


@pytest.fixture
def mailbox(director: Namespace) -> Iterator[Mailbox]:
    with Mailbox(director) as mailbox:
        yield mailbox


def title(text: str) -> str:
    return f"[proxyfeed] {socket.gethostname()}: {text}"


def test_a_change_is_told_with_its_counts_and_its_lines(
    session: Session, site: Site, webhook: Webhook
) -> None:
    site.pages[PAGE] = response(page([*GROWN, "202.67.65.0/24"]))

    session.proxyfeed("update", "--quiet")

    assert webhook.take() == [
        Message(
            title("aol: version 2 accepted, IPv4 +768 -0 addresses"),
            "+198.81.12.0/23\n+202.67.65.0/24",
            "info",
        )
    ]


def test_a_long_change_is_told_by_its_first_lines(
    session: Session, site: Site, webhook: Webhook
) -> None:
    added = [f"198.82.{number}.0/28" for number in range(0, 60, 2)]
    site.pages[PAGE] = response(page([*LIST, *added]))

    session.proxyfeed("update", "--quiet")

    (message,) = webhook.take()
    assert message.body.splitlines() == [*(f"+{row}" for row in added[:10]), "... and 20 more"]


def test_a_held_version_is_told_once_with_the_reason_and_what_to_type(
    session: Session, site: Site, webhook: Webhook
) -> None:
    site.pages[PAGE] = response(page(SHRUNK))

    session.proxyfeed("update", code=4)
    (message,) = webhook.take()
    session.proxyfeed("update", code=4)

    assert webhook.take() == []
    assert message.title == title("aol: version 2 is held, IPv4 +0 -9,216 addresses")
    lines = message.body.splitlines()
    assert lines[0].startswith("IPv4: 9,216 addresses leave, 16.3% of the 56,452 of version 1;")
    assert lines[2] == "-149.174.160.0/20"
    assert lines[-1].endswith("then proxyfeed approve 2 or proxyfeed reject 2")


def test_a_failure_is_told_again_only_when_it_has_lasted(
    alerted: Machine, session: Session, site: Site, webhook: Webhook
) -> None:
    site.pages.clear()
    session.proxyfeed("update", code=3)
    (told,) = webhook.take()
    session.proxyfeed("update", code=3)
    assert webhook.take() == []

    alerted.rows("UPDATE told SET sent_at = datetime(sent_at, '-8 days')")
    session.proxyfeed("update", code=3)
    assert webhook.take() == [told]

    site.pages[PAGE] = response(page(LIST))
    session.proxyfeed("update")
    (recovered,) = webhook.take()
    assert told == Message(
        title("feed aol: bad status: 404 Not Found; version 1 stays active"),
        "feed aol: bad status: 404 Not Found; version 1 stays active\ntry: proxyfeed status",
        "failure",
    )
    assert recovered.title == title("feed aol recovered (failed)")
    assert recovered.kind == "success"


def test_a_feed_without_a_good_fetch_for_days_is_told_as_stale(
    alerted: Machine, session: Session, site: Site, webhook: Webhook
) -> None:
    alerted.rows("UPDATE fetches SET at = datetime(at, '-4 days')")
    site.pages.clear()

    session.proxyfeed("update", code=3)
    told = webhook.take()
    status = session.proxyfeed("status", code=3)
    site.pages[PAGE] = response(page(LIST))
    session.proxyfeed("update")

    assert [message.title for message in told] == [
        title("feed aol: bad status: 404 Not Found; version 1 stays active"),
        title("aol: no good fetch for 4 d 0 h"),
    ]
    assert "  STALE      no good fetch for 4.0 days" in status.out
    assert [message.title for message in webhook.take()] == [
        title("feed aol recovered (failed, stale)")
    ]


def test_a_pin_is_told_for_each_version_that_it_keeps_out(
    session: Session, site: Site, webhook: Webhook
) -> None:
    site.pages[PAGE] = response(page(GROWN))
    session.proxyfeed("update")
    session.proxyfeed("rollback", "1", "--reason", "users lose their carts")
    webhook.take()

    session.proxyfeed("update")
    (first,) = webhook.take()
    session.proxyfeed("update")
    assert webhook.take() == []
    site.pages[PAGE] = response(page([*GROWN, "198.82.0.0/23"]))
    session.proxyfeed("update")

    assert first.title == title("aol: pinned to version 1, upstream is at 2")
    assert first.body.splitlines()[0].endswith(": users lose their carts")
    assert first.body.splitlines()[1].endswith("proxyfeed release aol")
    assert [message.title for message in webhook.take()] == [
        title("aol: version 3 accepted, IPv4 +512 -0 addresses"),
        title("aol: pinned to version 1, upstream is at 3"),
    ]


def test_what_another_hand_changed_is_told_when_it_is_seen_and_when_it_is_mended(
    alerted: Machine, session: Session, webhook: Webhook
) -> None:
    alerted.namespace.run("ipset", "del", SET, "198.81.8.0/23")

    session.proxyfeed("update", "--no-apply")
    (seen,) = webhook.take()
    session.proxyfeed("update", "--no-apply")
    assert webhook.take() == []
    session.proxyfeed("update")
    mended, over = webhook.take()
    session.proxyfeed("update")
    assert webhook.take() == []

    assert seen.title == mended.title == title("set aol: the kernel did not hold what was applied")
    assert seen.body.startswith("it held 55,940 IPv4 and 0 IPv6 addresses, changed by another hand")
    assert seen.body.endswith("\nto mend it: proxyfeed apply")
    assert mended.body.endswith("\nit was mended")
    assert over.title == title("set aol recovered (drift)")


def test_a_night_that_cannot_even_begin_is_told(
    alerted: Machine, session: Session, webhook: Webhook
) -> None:
    with (alerted.folder / "proxyfeed.db.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        session.proxyfeed("update", code=6)
    (locked,) = webhook.take()
    alerted.database.write_bytes(b"no database")
    session.proxyfeed("update", code=7)
    (damaged,) = webhook.take()

    assert locked.title.startswith(title("update did not run: another run holds "))
    assert damaged.title.startswith(title("update did not run: database sqlite:///"))
    assert damaged.kind == "failure"


def test_a_set_that_cannot_be_applied_is_told(
    alerted: Machine, session: Session, webhook: Webhook
) -> None:
    alerted.configure(f'{CONFIGURATION}protect = ["64.12.100.0/24"]\n{ALERTS}')

    session.proxyfeed("apply", code=5)

    (message,) = webhook.take()
    assert message.title.startswith(title("set aol is not applied: it holds addresses of own"))
    assert message.kind == "failure"


# ---------------------------------------------------------------- targets


def test_alerts_arrive_by_mail(
    alerted: Machine, session: Session, site: Site, mailbox: Mailbox
) -> None:
    mail = f"mailto://127.0.0.1:{MAIL_PORT}?from=proxyfeed@example.net&to=ops@example.net"
    alerted.configure(f'{CONFIGURATION}[alerts]\nto = ["{mail}"]\n')
    site.pages[PAGE] = response(page(GROWN))

    session.proxyfeed("update", "--quiet")

    (message,) = mailbox.messages
    assert mailbox.envelopes[0].rcpt_tos == ["ops@example.net"]
    assert message.title == title("aol: version 2 accepted, IPv4 +512 -0 addresses")
    assert message.body.strip() == "+198.81.12.0/23"


def test_a_target_that_fails_fails_no_update_and_shows_in_status(
    alerted: Machine, session: Session, site: Site, webhook: Webhook
) -> None:
    webhook.refusal = 500
    site.pages[PAGE] = response(page(GROWN))

    night = session.proxyfeed("update", "--quiet")
    status = session.proxyfeed("status")

    assert (night.out, night.err) == ("", "")
    assert alerted.versions()[-1] == (2, "accepted")
    assert "alerts to json://127.0.0.1:8081: the last one, " in status.out
    assert ", failed: not delivered" in status.out
    assert status.err.startswith("proxyfeed: the alert to json://127.0.0.1:8081 failed at ")


def test_a_trouble_that_reached_nobody_is_told_by_the_next_run(
    session: Session, site: Site, webhook: Webhook
) -> None:
    webhook.refusal = 500
    site.pages.clear()
    session.proxyfeed("update", code=3)
    webhook.refusal = 0

    session.proxyfeed("update", code=3)

    assert len(webhook.take()) == 1


def test_alert_test_says_of_each_target_whether_it_arrived(
    alerted: Machine, session: Session, webhook: Webhook
) -> None:
    closed = "json://127.0.0.1:1/closed"
    alerted.configure(CONFIGURATION + ALERTS.replace("to = [", f'to = ["{closed}", '))

    done = session.proxyfeed("alert", "test", code=2)

    assert [message.title for message in webhook.take()] == [title("a test")]
    lines = done.out.splitlines()
    assert lines[0].startswith("json://127.0.0.1:1: failed: not delivered")
    assert lines[0].endswith("Connection refused")
    assert lines[1] == "json://127.0.0.1:8081: sent"
