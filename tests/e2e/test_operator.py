"""
The program under an operator's hands: messages, exit codes, documents.
"""

from __future__ import annotations

import fcntl
import shutil
import sys
from pathlib import Path

import pytest
from tests.e2e.commands import reporting_commands
from tests.e2e.machine import CONFIGURATION, PROGRAM, Done, Machine
from tests.e2e.pages import GROWN, LIST, SHRUNK, page
from tests.e2e.servers import PAGE, Site
from tests.kernel.namespaces import SYSTEM_PATH
from tests.servers import response

pytestmark = pytest.mark.kernel

ENVELOPE = ["version", "command", "status", "exit_code", "data", "errors", "warnings"]
ERROR = ["code", "message", "hint", "subject", "exit_code"]

# ---------------------------------------------------------------- mistakes

MISTAKES = {
    "udpate": ("No such command 'udpate'. Did you mean 'update'?", "proxyfeed --help"),
    "update --fast": ("No such option: --fast", "proxyfeed update --help"),
    "rule": ("Missing command.", "proxyfeed rule --help"),
    "show": ("Missing argument 'VERSION'.", "proxyfeed show --help"),
    "show one": ("Invalid value for 'VERSION': ", "proxyfeed show --help"),
    "show 99": ("there is no version 99", "proxyfeed history"),
    "diff 1 99": ("there is no version 99", "proxyfeed history"),
    "diff 1 1 1": ("diff takes two versions at most", "proxyfeed diff 12 14"),
    "rollback 99": ("there is no version 99", "proxyfeed history"),
    "approve 99": ("there is no version 99", "proxyfeed history"),
    "approve 1": ("there is nothing to approve: version 1 is accepted", "proxyfeed show 1"),
    "reject 1": ("there is nothing to reject: version 1 is accepted", "proxyfeed show 1"),
    "release aol": ("feed 'aol' is not pinned", "proxyfeed status"),
    "update aoi": ("there is no feed 'aoi' in ", "proxyfeed --help"),
    "apply aoi": ("there is no set 'aoi'; known: aol", "proxyfeed --help"),
    "history aoi": ("there is no feed 'aoi'", "proxyfeed history"),
    "lookup 64.12.96": ("'64.12.96' ", "proxyfeed lookup 64.12.96.1"),
    "lookup 64.12.96.0/19": ("'64.12.96.0/19' ", "proxyfeed lookup 64.12.96.1"),
    "export": ("export takes a version, or a set by --set NAME", "proxyfeed export --set aol"),
    "export 1 --set aol": (
        "export takes a version, or a set by --set NAME",
        "proxyfeed export --set aol",
    ),
    "export --set aoi": ("there is no set 'aoi'; known: aol", "proxyfeed --help"),
    "export 1 --reload true": (
        "--reload is about the file of --output, and none is named",
        "--output FILE",
    ),
    "export 1 --output . --reload no-such-program": (
        "the command of --reload names no program in ",
        '--reload "systemctl reload haproxy"',
    ),
    "export 1 --output .": (". is no file; nothing was written", "--output FILE"),
    "export 1 --format xml": (
        "there is no format 'xml'; known: plain, haproxy, haproxy-map, ",
        "proxyfeed export --help",
    ),
    "update --jitter soon": (
        "--jitter must be a time such as",
        "proxyfeed update --jitter 30m",
    ),
    "alert test": ("names no target for alerts", 'write `to = ["..."]` in [alerts]'),
    "--config nowhere.toml status": (
        "there is no configuration at nowhere.toml",
        "proxyfeed --config nowhere.toml init",
    ),
}


# What `export` prints without a file is the list itself.
WITHOUT_JSON = (
    "rule",
    "export --set aoi",
    "export 1 --reload true",
    "export 1 --format xml",
)


@pytest.fixture(scope="module")
def mistaken(first_night: Machine) -> dict[str, tuple[Done, Done]]:
    """
    Each mistake as it is answered, without and with ``--json``.
    """
    plain = first_night.several(*(words.split() for words in MISTAKES))
    json = first_night.several(*([*words.split(), "--json"] for words in MISTAKES))
    return dict(zip(MISTAKES, zip(plain, json, strict=True), strict=True))


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_two_lines_what_it_was_and_what_to_type(
    mistaken: dict[str, tuple[Done, Done]], words: str
) -> None:
    done, _ = mistaken[words]
    message, hint = MISTAKES[words]

    what, try_this = done.err.splitlines()
    assert what.startswith("proxyfeed: ")
    assert message in what
    assert try_this == f"try: {hint}"
    assert (done.code, done.out) == (2, "")


@pytest.mark.parametrize("words", [words for words in MISTAKES if words not in WITHOUT_JSON])
def test_a_mistake_is_still_one_document_where_json_was_asked_for(
    mistaken: dict[str, tuple[Done, Done]], words: str
) -> None:
    plain, done = mistaken[words]

    document = done.document
    (error,) = document["errors"]
    assert list(document) == ENVELOPE
    assert list(error) == ERROR
    assert (document["status"], document["data"]) == ("error", None)
    assert document["exit_code"] == error["exit_code"] == done.code == 2
    assert error["hint"] == MISTAKES[words][1]
    assert done.err == plain.err


def test_a_configuration_with_several_mistakes_names_them_all(machine: Machine) -> None:
    machine.configure(
        """
        aply = "auto"
        [sets.aol]
        feeds = ["aol"]
        mark = "one"
        virtual = ["192.0.2.80"]
        """
    )

    done = machine.proxyfeed("config", code=2)

    lines = done.err.splitlines()
    assert lines[0] == f"proxyfeed: {machine.config} has 3 mistakes:"
    assert sorted(line.split(":")[0] for line in lines[1:-1]) == [
        "  aply",
        "  sets.aol.mark",
        "  sets.aol.virtual",
    ]
    assert "did you mean 'apply'?" in done.err
    assert lines[-1] == f"try: mend {machine.config}, then: proxyfeed config"


# ---------------------------------------------------------------- every exit code


def test_exit_code_1_is_a_difference_that_was_asked_for(running: Machine) -> None:
    running.namespace.run("ipset", "del", "proxyfeed_aol_4", "198.81.8.0/23")

    quiet, asked = running.several(["diff"], ["diff", "--exit-code"])

    assert (quiet.code, asked.code) == (0, 1)
    assert asked.out.splitlines()[2:] == ["+198.81.8.0/23", "    IPv4 +512 -0 addresses"]
    assert asked.err == ""


def test_exit_code_3_and_4_together_are_4(running: Machine, site: Site) -> None:
    running.configure(
        CONFIGURATION
        + f"""
        [feeds.partner]
        url = "{site.url}/nowhere"
        format = "html"
        html.heading = ["egress"]

        [sets.partner]
        feeds = ["partner"]
        mark = 2
        """
    )
    site.pages[PAGE] = response(page(SHRUNK))

    done = running.proxyfeed("update", "--json", code=4)

    assert [error["exit_code"] for error in done.document["errors"]] == [4, 3]


def test_exit_code_5_is_a_kernel_that_differs(running: Machine) -> None:
    running.namespace.run("ipset", "del", "proxyfeed_aol_4", "198.81.8.0/23")
    running.namespace.run("iptables", "-t", "mangle", "-F", "PREROUTING")

    done = running.proxyfeed("status", code=5)

    assert done.err.splitlines() == [
        "proxyfeed: set aol: live differs from desired: proxyfeed_aol_4: 1 to add, 0 to delete; "
        "the IPv4 MARK rule is missing",
        "try: proxyfeed diff, then: proxyfeed apply",
    ]
    assert "  missing    198.81.8.0/23" in done.out.splitlines()


def test_exit_code_5_is_a_set_that_must_not_be_applied(running: Machine) -> None:
    held = running.kernel()
    running.configure(CONFIGURATION + 'protect = ["64.12.100.0/24"]\n')

    done = running.proxyfeed("apply", code=5)

    assert "set aol is not applied: it holds addresses of own virtual services" in done.err
    assert running.kernel() == held


def test_exit_code_6_names_the_run_that_holds_the_lock(running: Machine) -> None:
    held = running.kernel()
    with (running.folder / "proxyfeed.db.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("pid 4711, proxyfeed update, since 2026-11-22 03:17:00 UTC\n")
        lock.flush()

        applied, looked = running.several(["apply"], ["status"])

    assert applied.code == 6
    assert "pid 4711, proxyfeed update, since 2026-11-22 03:17:00 UTC" in applied.err
    assert applied.err.splitlines()[1].startswith("try: ")
    assert looked.code == 0  # whoever only looks does not wait
    assert running.kernel() == held


def test_exit_code_7_is_a_database_that_is_not_there(machine: Machine) -> None:
    commands = ["apply"], ["status"], ["history"], ["update", "--dry-run"]

    for done in machine.several(*commands):
        assert done.code == 7
        assert done.err.splitlines() == [
            f"proxyfeed: there is no database at {machine.database}",
            "try: proxyfeed init",
        ]
    assert not machine.database.exists()


WITHOUT_TOOLS = """
import sys
import proxyfeed.firewall as firewall
whole, tools = firewall.Firewall, sys.argv.pop(1)
firewall.Firewall = lambda: whole(firewall.Runner(path=tools))
from proxyfeed.cli import main
main()
"""


@pytest.mark.parametrize("tool", ["ipset", "iptables"])
def test_exit_code_7_names_the_package_that_is_missing(
    running: Machine, site: Site, tmp_path: Path, tool: str
) -> None:
    held = running.kernel()
    site.pages[PAGE] = response(page(GROWN))
    tools = tmp_path / "tools"
    tools.mkdir()
    if tool != "ipset":
        (tools / "ipset").symlink_to(shutil.which("ipset", path=SYSTEM_PATH) or "")

    program = (sys.executable, "-c", WITHOUT_TOOLS, str(tools))
    done = running.proxyfeed("update", "--quiet", code=7, program=program)

    assert done.err.splitlines() == [
        f"proxyfeed: {tool} is not installed",
        f"try: apt-get install {tool}",
    ]
    assert running.kernel() == held
    assert running.versions() == [(1, "accepted"), (2, "accepted")]


def test_exit_code_7_is_a_user_without_rights(running: Machine, site: Site) -> None:
    held = running.kernel()
    site.pages[PAGE] = response(page(GROWN))
    powerless = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")

    running.proxyfeed("update", "--no-apply")

    done = running.proxyfeed("apply", "--quiet", code=7, program=(*powerless, *PROGRAM))

    what, try_this = done.err.splitlines()
    assert what.startswith("proxyfeed: this user may not run ipset list -n: ")
    assert try_this == "try: run it as root"
    assert running.kernel() == held
    assert running.versions() == [(1, "accepted"), (2, "accepted")]


def test_exit_code_70_is_a_bug_with_a_traceback_and_a_request(running: Machine) -> None:
    broken = (
        "import proxyfeed.commands.status as status; status.status = lambda *_: 1 / 0;"
        "from proxyfeed.cli import main; main()"
    )

    done = running.proxyfeed("status", "--json", code=70, program=(sys.executable, "-c", broken))

    lines = done.err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "ZeroDivisionError: division by zero" in lines
    assert lines[-2].startswith("proxyfeed: this is a bug in proxyfeed ")
    assert lines[-1] == "try: report the lines above, with the command that you typed"
    assert list(done.document) == ENVELOPE
    assert done.document["errors"][0]["code"] == "bug"


# ---------------------------------------------------------------- documents

# In an order in which each has something to do: version 2 is held, and so is 3. Each try and each
# update gets the next page.
REPORTS = [
    ("init", 0),
    ("config", 0),
    ("feeds", 0),
    ("feeds show fastly", 0),
    ("feeds try aol", 0),
    ("update", 4),
    ("status", 4),
    ("history", 0),
    ("fetches aol", 0),
    ("show 2", 0),
    ("lookup 64.12.96.1", 0),
    ("approve 2", 0),
    ("diff", 0),
    ("export --set aol --output list.txt", 0),
    ("apply", 0),
    ("lvs check", 0),
    ("lvs apply", 2),
    ("doctor", 0),
    ("update", 4),
    ("reject 3", 0),
    ("rollback 1", 0),
    ("release aol", 0),
    ("rollback 1 --confirm-within 1h", 0),
    ("confirm", 0),
    ("rollback 2 --confirm-within 1h", 0),
    ("revert", 0),
    ("boot", 0),
    ("rule show", 0),
    ("rule remove", 0),
    ("rule install", 0),
    ("alert test", 2),
]


def test_every_command_that_reports_prints_one_envelope(running: Machine, site: Site) -> None:
    running.configure(CONFIGURATION + '[alerts]\nto = ["json://127.0.0.1:1/"]\n')
    served = iter((LIST, SHRUNK, LIST))
    site.pages[PAGE] = lambda call: call.send(response(page(next(served))))

    done = running.several(*([*words.split(), "--json"] for words, _ in REPORTS))

    assert {_name(words) for words, _ in REPORTS} == reporting_commands()
    for (words, code), one in zip(REPORTS, done, strict=True):
        document = one.document
        assert list(document) == ENVELOPE
        assert document["version"] == 1
        assert words.startswith(document["command"])
        assert (words, document["exit_code"], one.code) == (words, code, code)
        assert document["status"] == ("partial" if document["errors"] else "ok")
        assert all(list(error) == ERROR for error in document["errors"])
        assert isinstance(document["data"], dict)


def _name(words: str) -> str:
    # "feeds" is a command too, and so is "feeds show".
    return max((name for name in reporting_commands() if words.startswith(name)), key=len)
