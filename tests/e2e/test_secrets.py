"""
The passwords and tokens of URLs, which are used and never shown.
"""

from __future__ import annotations

from base64 import b64encode

import pytest
from tests.e2e.machine import CONFIGURATION, Machine
from tests.e2e.pages import SHRUNK, page
from tests.e2e.servers import PAGE, Site, Webhook
from tests.servers import redirect, response

pytestmark = pytest.mark.kernel

FEED_LOGIN, ALERT_LOGIN = "feed-user:feed-pass", "hook-user:hook-pass"
SECRETS = [
    "feed-user", "feed-pass", "feed-token", "hook-user", "hook-pass", "hook-path", "hook-token",
    b64encode(FEED_LOGIN.encode()).decode(), b64encode(ALERT_LOGIN.encode()).decode(),
]  # fmt: skip
COMMANDS = """\
    init
    config
    update
    update --dry-run
    update --no-apply
    apply
    apply --dry-run
    status
    diff
    diff 2
    history
    fetches aol
    show 1
    show 2 --prefixes
    lookup 64.12.96.1
    reject 2
    rollback 1 --reason why
    update
    release aol
    rule show
    rule remove
    rule install
    alert test
    update --quiet
    status
"""


def test_secrets_of_urls_appear_in_no_output_and_in_no_file(
    running: Machine, site: Site, webhook: Webhook
) -> None:
    url = site.url.replace("://", f"://{FEED_LOGIN}@") + f"{PAGE}?token=feed-token"
    hook = f"json://{ALERT_LOGIN}@127.0.0.1:8081/hook-path/?+X-Token=hook-token"
    running.configure(
        CONFIGURATION.replace(f"{site.url}{PAGE}", url)
        + f'[alerts]\nto = ["{hook}", "{hook.replace("8081", "1")}"]\nrepeat_after = "0s"\n'
    )
    said = []
    with running.session() as session:
        site.pages[PAGE] = response(page(SHRUNK))
        for line in COMMANDS.splitlines():
            for form in ([], ["--json"]):
                said.append(session.proxyfeed(*line.split(), *form, code=None))
        for answer in (
            redirect(f"{url}&again"),
            redirect("http://127.0.0.1:1/?token=feed-token"),
            redirect("ftp://feed-user:feed-pass@127.0.0.1/?token=feed-token"),
            response(b"no", 404),
        ):
            site.pages[PAGE] = answer
            for words in ("update", "update --json", "status", "status --json"):
                said.append(session.proxyfeed(*words.split(), code=3))

    texts = [done.out + done.err for done in said]
    files = running.files()

    assert {done.code for done in said} >= {0, 3, 4}
    assert 70 not in {done.code for done in said}
    assert len(files) > 1
    assert webhook.messages
    for secret in SECRETS:
        assert [text for text in texts if secret in text] == []
        assert [path for path, content in files.items() if secret.encode() in content] == []


def test_secrets_of_a_mistaken_configuration_are_not_printed(machine: Machine) -> None:
    machine.configure(
        """
        database = "postgresql://user:feed-pass@127.0.0.1:1/proxyfeed"
        [feeds.aol]
        url = ["https://user:feed-pass@127.0.0.1/?token=feed-token"]
        [sets.aol]
        feeds = ["aol", "https://user:feed-pass@127.0.0.1"]
        mark = 1
        [alerts]
        to = "json://user:hook-pass@127.0.0.1"
        """
    )

    done = machine.proxyfeed("config", code=2)

    assert "has 3 mistakes" in done.err
    assert not any(secret in done.out + done.err for secret in SECRETS)
