"""
What is known by name, a try at what is not, and when a server may be asked again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path

import pytest
from tests.e2e.machine import PROGRAM, Done, Machine
from tests.e2e.servers import SITE_PORT, Site
from tests.kernel.namespaces import SYSTEM_PATH
from tests.servers import redirect, response

pytestmark = pytest.mark.kernel

LIST_PATH = "/egress.csv"
LIST_URL = f"http://127.0.0.1:{SITE_PORT}{LIST_PATH}"
# The same list, where no feed knows it.
NEW_PATH = "/new.csv"
NEW_URL = f"http://127.0.0.1:{SITE_PORT}{NEW_PATH}"
ROWS = [f"20.0.{number}.0/24" for number in range(0, 80, 2)]
BODY = "".join(f"{row},US,,,\n" for row in ROWS).encode()
RELAY = f"""\
database = "sqlite:///proxyfeed.db"

[feeds.relay]
url = "{LIST_URL}"
format = "csv"
SETTINGS
[sets.relay]
feeds = ["relay"]
mark = 1
"""
FIRST_WORDS = ("feeds", "feeds show zscaler", "feeds try relay", f"feeds try {NEW_URL}")


@pytest.fixture
def relay(machine: Machine, site: Site) -> Machine:
    """
    A director with one feed, of geofeed rows, that has not run yet.
    """
    site.pages[LIST_PATH] = site.pages[NEW_PATH] = response(BODY)
    machine.configure(RELAY.replace("SETTINGS", ""))
    return machine


def paths(machine: Machine) -> list[Path]:
    """
    All that is in the folder, folders too; the configuration is.
    """
    return sorted(machine.folder.rglob("*"))


# ---------------------------------------------------------------- what they need, and leave behind


def without_rights_and_ipset() -> tuple[str, ...]:
    """
    Run a command as somebody with no rights in the namespace, on a machine where ipset is no
    program.
    """
    ipset = shutil.which("ipset", path=SYSTEM_PATH)
    hide = f'mount --bind /dev/null {ipset} && exec "$@"'
    # In a user namespace where nobody is mapped, even root is an ordinary user.
    return ("unshare", "--mount", "sh", "-c", hide, "sh", "unshare", "--user")


def test_an_ordinary_user_without_database_and_ipset_sees_and_tries_feeds(
    relay: Machine, site: Site
) -> None:
    ordinary = without_rights_and_ipset()
    assert relay.namespace.run(*ordinary, "id", "-u").stdout == "65534\n"
    assert relay.namespace.run(*ordinary, "ipset", "list", check=False).returncode == 126
    before = paths(relay)

    done = {words: relay.proxyfeed(*words.split(), program=(*ordinary, *PROGRAM))
            for words in FIRST_WORDS}  # fmt: skip

    assert {one.err for one in done.values()} == {""}
    assert "icloud-private-relay" in done["feeds"].out
    assert "https://config.zscaler.com/" in done["feeds show zscaler"].out
    for words in FIRST_WORDS[2:]:
        assert "IPv4: 40 prefixes, /24 to /24, 10,240 addresses" in done[words].out
        assert "nothing was stored" in done[words].out
    assert [request.target for request in site.requests] == [LIST_PATH, NEW_PATH]
    assert paths(relay) == before


def test_with_no_configuration_at_all_feeds_are_known_by_name(relay: Machine) -> None:
    ordinary = (*without_rights_and_ipset(), *PROGRAM)
    nothing = {"PROXYFEED_CONFIG": ""}

    listed = relay.proxyfeed("feeds", env=nothing, program=ordinary)
    tried = relay.proxyfeed("feeds", "try", NEW_URL, env=nothing, program=ordinary)

    assert "aol                   proxy [in set aol]" in listed.out
    assert "to keep it, write:" in tried.out


def test_a_director_at_work_is_left_as_it_is_by_a_try(relay: Machine, site: Site) -> None:
    with relay.session() as session:
        session.proxyfeed("update")
        kernel, files = relay.kernel(), relay.files()
        site.pages[LIST_PATH] = response(BODY[:200])

        session.proxyfeed("feeds", "try", "relay", code=3)
        site.pages[LIST_PATH] = site.pages[NEW_PATH] = response(BODY + b"10.0.0.0/8,,,,\n")
        session.proxyfeed("feeds", "try", "relay", code=4)
        session.proxyfeed("feeds", "try", NEW_URL, code=4)

    assert relay.kernel() == kernel
    assert relay.files() == files


def test_what_a_try_says_to_write_is_a_feed_that_works(relay: Machine) -> None:
    tried = relay.proxyfeed("feeds", "try", NEW_URL)
    table = tried.out.partition("to keep it, write:")[2]
    relay.configure(
        f'database = "sqlite:///proxyfeed.db"\n{table}\n[sets.new]\nfeeds = ["new"]\nmark = 1\n'
    )

    relay.proxyfeed("update")

    assert relay.members("proxyfeed_new_4") == set(ROWS)


def test_a_broken_configuration_is_told_and_nothing_is_asked(relay: Machine, site: Site) -> None:
    relay.configure("nonsense = 1\n[feeds.relay]\nurl = 7\n")

    with relay.session() as session:
        for words in FIRST_WORDS:
            plain = session.proxyfeed(*words.split(), code=2)
            document = session.proxyfeed(*words.split(), "--json", code=2).document
            assert plain.out == ""
            assert "nonsense" in plain.err
            assert "feeds.relay.url" in plain.err
            assert (document["status"], document["exit_code"]) == ("error", 2)
            assert document["data"] is None

    assert site.requests == []


# ---------------------------------------------------------------- what they print

LOGIN = "feed-user:feed-pass"
SECRETS = ["feed-user", "feed-pass", "feed-token", b64encode(LOGIN.encode()).decode()]
SECRET_URL = LIST_URL.replace("://", f"://{LOGIN}@") + "?token=feed-token"
ANSWERS = {
    "a list": (response(BODY), 0),
    "a list that would be held": (response(b"10.0.0.0/8,,,,\n"), 4),
    "no list": (response(b"<html>no</html>"), 3),
    "JSON of which no path is known": (response(b'{"ranges": []}'), 2),
    "not found": (response(b"no", 404), 3),
    "an hour's rest": (response(b"later", 429, retry_after="3600"), 3),
    "a redirect in circles": (redirect(SECRET_URL), 3),
    "a redirect to nobody": (redirect(f"http://{LOGIN}@127.0.0.1:1/?token=feed-token"), 3),
    "a redirect to another scheme": (redirect(f"ftp://{LOGIN}@127.0.0.1/?token=feed-token"), 3),
}
# The scheme is mistyped, or the port, or what stands before it all.
MISTYPED = (
    SECRET_URL.replace("http://", "ftp://"),
    SECRET_URL.replace("http://", "htp//"),
    SECRET_URL.replace("http://", "file://"),
    SECRET_URL.replace(str(SITE_PORT), "port"),
)


def secrets_in(said: list[Done]) -> list[Done]:
    return [one for one in said if any(secret in one.out + one.err for secret in SECRETS)]


def test_credentials_of_a_url_are_used_and_never_printed(relay: Machine, site: Site) -> None:
    said = []
    with relay.session() as session:
        for answer, code in ANSWERS.values():
            site.pages[LIST_PATH] = answer
            for form in ([], ["--json"]):
                said.append(session.proxyfeed("feeds", "try", SECRET_URL, *form, code=code))

    assert site.requests[0].target == f"{LIST_PATH}?token=feed-token"
    assert site.requests[0].headers["authorization"] == f"Basic {SECRETS[-1]}"
    assert secrets_in(said) == []


def test_credentials_of_a_mistyped_url_are_not_printed(relay: Machine, site: Site) -> None:
    with relay.session() as session:
        said = [
            session.proxyfeed("feeds", verb, target, code=None)
            for target in (SECRET_URL, *MISTYPED)
            for verb in ("try", "show")
        ]

    assert {one.code for one in said} == {0, 2, 3}
    assert secrets_in(said) == []


def test_a_configured_feeds_credentials_are_never_printed(relay: Machine) -> None:
    relay.configure(RELAY.replace(LIST_URL, SECRET_URL).replace("SETTINGS", ""))
    before = relay.files()

    with relay.session() as session:
        said = [
            session.proxyfeed(*words.split(), *form)
            for words in ("feeds", "feeds show relay", "feeds try relay", f"feeds try {SECRET_URL}")
            for form in ([], ["--json"])
        ]

    assert all("***@127.0.0.1" in one.out for one in said[2:])
    assert secrets_in(said) == []
    assert relay.files() == before


def test_a_reader_that_goes_away_changes_no_exit_code(relay: Machine) -> None:
    for words in FIRST_WORDS:
        reader, writer = os.pipe()
        os.close(reader)

        process = relay.start(*words.split(), stdout=writer, stderr=subprocess.PIPE)
        os.close(writer)

        assert (process.communicate()[1], process.returncode) == (b"", 0)


ENVELOPE = ["version", "command", "status", "exit_code", "data", "errors", "warnings"]


TRIES = [(BODY, 0, "new"), (b"10.0.0.0/8,,,,\n", 4, "new"), (b"no list\n", 3, "not a list")]


def test_the_document_of_a_try_says_how_it_went(relay: Machine, site: Site) -> None:
    with relay.session() as session:
        for body, code, outcome in TRIES:
            site.pages[LIST_PATH] = response(body)
            document = session.proxyfeed("feeds", "try", "relay", "--json", code=code).document
            assert list(document) == ENVELOPE
            assert (document["command"], document["exit_code"]) == ("feeds try", code)
            assert document["status"] == ("partial" if code else "ok")
            assert [error["exit_code"] for error in document["errors"]] == ([code] if code else [])
            assert [one["outcome"] for one in document["data"]["attempts"]] == [outcome]
            assert (document["data"]["listing"] is None) == (code == 3)


def test_the_document_of_the_list_holds_every_feed(relay: Machine) -> None:
    document = relay.proxyfeed("feeds", "--json").document

    assert list(document) == ENVELOPE
    assert (document["command"], document["status"]) == ("feeds", "ok")
    sets = {entry["feed"]["name"]: entry["sets"] for entry in document["data"]["feeds"]}
    assert (sets["relay"], sets["zscaler"]) == (["relay"], [])


# ---------------------------------------------------------------- when a server is asked again


def test_a_server_that_asks_for_an_hour_is_left_alone_by_the_next_process(
    relay: Machine, site: Site
) -> None:
    relay.proxyfeed("update")
    kernel = relay.kernel()
    site.pages[LIST_PATH] = response(b"slow down", 429, retry_after="3600")
    refused = relay.proxyfeed("update", "--quiet", code=3)
    assert "refused: 429 Too Many Requests, Retry-After: 3600" in refused.err
    assert len(site.requests) == 2
    site.pages[LIST_PATH] = response(BODY)

    later = relay.proxyfeed("update", "--quiet", code=3)
    status = relay.proxyfeed("status", code=3)

    assert len(site.requests) == 2
    what, try_this = later.err.splitlines()
    assert what.startswith("proxyfeed: feed relay: not asked again before 2")
    assert "UTC, and the last try failed: refused: 429 Too Many Requests" in what
    assert what.endswith("; version 1 stays active")
    assert try_this == "try: proxyfeed update relay --force-fetch"
    assert "next       not asked before 2" in status.out
    assert relay.kernel() == kernel

    relay.proxyfeed("update", "relay", "--force-fetch")
    assert len(site.requests) == 3
    relay.proxyfeed("update", "--quiet")
    assert len(site.requests) == 4


def test_a_feed_that_is_not_due_is_not_asked_by_the_next_process(
    relay: Machine, site: Site
) -> None:
    relay.configure(RELAY.replace("SETTINGS", 'min_interval = "6h"'))
    relay.proxyfeed("update")
    site.pages[LIST_PATH] = response(b"no list any more", 410)

    again = relay.proxyfeed("update")
    quiet = relay.proxyfeed("update", "--quiet")
    document = relay.proxyfeed("update", "--json").document

    assert len(site.requests) == 1
    assert again.out.startswith("feed relay: not asked before 2")
    assert " UTC, version 1 stays active\n" in again.out
    assert "set relay: nothing to do" in again.out
    assert (quiet.out, quiet.err) == ("", "")
    (feed,) = document["data"]["feeds"]
    assert (feed["outcome"], feed["attempts"]) == ("not due", [])
    assert feed["due_at"] is not None

    relay.proxyfeed("update", "--force-fetch", code=3)
    assert len(site.requests) == 2


def test_a_failure_stays_one_while_the_feed_is_not_due(relay: Machine, site: Site) -> None:
    relay.configure(RELAY.replace("SETTINGS", 'min_interval = "6h"'))
    relay.proxyfeed("update")
    site.pages[LIST_PATH] = response(b"gone", 410)
    relay.proxyfeed("update", "--force-fetch", code=3)
    site.pages[LIST_PATH] = response(BODY)

    done = relay.proxyfeed("update", code=3)
    assert len(site.requests) == 2
    assert "the last try failed: bad status: 410 Gone" in done.err

    relay.proxyfeed("update", "--force-fetch")
    assert len(site.requests) == 3
    relay.proxyfeed("update")
    assert len(site.requests) == 3


# ---------------------------------------------------------------- an operator's own catalogue

OWN_CATALOG = f"""\
[office]
url = "{LIST_URL}"
format = "csv"
kind = "proxy"
note = "where our offices leave"
good_for = "the intranet"
widest_ipv4 = 22

[zscaler]
url = "http://127.0.0.1:{SITE_PORT}/zscaler.json"
min_interval = "0s"
"""
ZSCALER = {"zscaler.net": {"continent : EMEA": {"city : Zurich": [{"range": "147.161.246.0/23"}]}}}


def test_an_operators_own_catalogue_adds_a_feed_and_overrides_another(
    relay: Machine, site: Site
) -> None:
    site.pages["/zscaler.json"] = response(json.dumps(ZSCALER).encode())
    (relay.folder / "own.toml").write_text(OWN_CATALOG, "utf-8")
    relay.configure(
        'database = "sqlite:///proxyfeed.db"\ncatalog = "own.toml"\n'
        '[sets.all]\nfeeds = ["office", "zscaler"]\nmark = 1\n'
    )
    with relay.session() as session:
        listed = session.proxyfeed("feeds").out
        shown = session.proxyfeed("feeds", "show", "zscaler").out
        tried = session.proxyfeed("feeds", "try", "office").out
        session.proxyfeed("update")
        status = session.proxyfeed("status").out

    office = next(line for line in listed.splitlines() if line.startswith("office "))
    assert office.split(maxsplit=1)[1] == "proxy [in set all]"
    assert "where our offices leave" in listed
    assert f"url             http://127.0.0.1:{SITE_PORT}/zscaler.json" in shown
    assert "https://help.zscaler.com/" in shown  # what is not overridden stays
    assert "config.zscaler.com" not in shown
    assert "10,240 addresses" in tried
    assert relay.members("proxyfeed_all_4") == {*ROWS, "147.161.246.0/23"}
    assert "feed office (set all)" in status


def test_a_mistake_in_an_operators_own_catalogue_is_told_with_its_place(relay: Machine) -> None:
    (relay.folder / "own.toml").write_text(OWN_CATALOG.replace('"csv"', '"xls"'), "utf-8")
    relay.configure(f'catalog = "own.toml"\n{RELAY.replace("SETTINGS", "")}')
    before = paths(relay)

    done = relay.proxyfeed("update", code=2)

    assert "own.toml: office.format" in done.err
    assert paths(relay) == before
