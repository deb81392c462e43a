"""
``export`` into a file that another program goes by: replaced whole, or left alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.commands.director import ONE_FEED, TEXT_FEED, TWO_FEEDS, Director, page

from proxyfeed.commands.decide import approve, reject
from proxyfeed.commands.export import Source, export, export_to_file, note_reload
from proxyfeed.errors import ExportFailed, GuardError, OperatorMistake, ProxyfeedError, Unequipped
from proxyfeed.model import ExportResult, Outcome
from proxyfeed.replacing import Replaced

SET = Source(set="aol")
EMPTYING = TEXT_FEED.replace("[sets.relay]", "may_be_empty = true\n[sets.aol]").replace(
    'text.stamp = "last change:"', ""
)
OLD = ["20.0.0.0/24", "30.0.0.0/24"]
NEW = ["20.0.0.0/24", "30.0.0.0/24", "30.0.1.7"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "haproxy"
    folder.mkdir()
    return folder / "proxies.lst"


def keep(
    director: Director, file: Path, source: Source = SET, *, form: str = "haproxy", **how: bool
) -> ExportResult:
    outcome = export_to_file(director.config, director.doors(), source, form, file, **how)
    assert isinstance(outcome.result, ExportResult)
    return outcome.result


def told(result: ExportResult, wrong: str = "") -> Outcome:
    return note_reload(result, wrong)


def names(file: Path) -> list[str]:
    return sorted(one.name for one in file.parent.iterdir())


def held(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if not line.startswith("#")]


# ---------------------------------------------------------------- what is exported


def test_a_version_is_exported_one_prefix_a_line(director: Director) -> None:
    director.night("20.0.1.0/24", "20.0.0.0/24", "2a00::/32", "30.0.0.1")

    document = export(director.config, director.doors(), Source(1), "plain")

    assert document == "20.0.0.0/23\n30.0.0.1/32\n2a00::/32\n"


def test_a_set_is_exported_as_all_its_feeds_without_what_it_excludes(director: Director) -> None:
    both = TWO_FEEDS.replace('feeds = ["aol"]', 'feeds = ["aol", "opera"]')
    director.configure(f'{both}\nexclude = ["20.0.0.128/25"]\nfamilies = [4]')
    director.publish(to="opera.html", body=page("40.0.0.0/24"))
    director.night("20.0.0.0/24", "2a00::/32")

    document = export(director.config, director.doors(), SET, "plain")

    assert document == "20.0.0.0/25\n40.0.0.0/24\n"


# ---------------------------------------------------------------- the file


def test_a_file_is_made_that_everybody_may_read(director: Director, file: Path) -> None:
    director.night(*OLD)
    before = os.umask(0o077)
    try:
        result = keep(director, file)
    finally:
        os.umask(before)

    assert result.writing == "written"
    assert held(file) == OLD
    assert file.stat().st_mode & 0o777 == 0o644
    assert names(file) == ["proxies.lst"]


def test_a_file_that_holds_it_already_is_not_touched(director: Director, file: Path) -> None:
    director.night(*OLD)
    keep(director, file)
    before = file.stat()

    result = keep(director, file, will_reload=True)

    assert (result.writing, result.needs_reload) == ("unchanged", False)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_new_version_of_the_same_addresses_changes_no_file(
    director: Director, file: Path
) -> None:
    director.night("20.0.0.0/23")
    keep(director, file)
    director.night("20.0.0.0/24", "20.0.1.0/24")

    assert keep(director, file).writing == "unchanged"


def test_a_file_keeps_its_owner_and_its_mode(director: Director, file: Path) -> None:
    director.night(*OLD)
    keep(director, file)
    file.chmod(0o640)
    owner = (65534, 65534) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(file, *owner)
    director.night(*NEW)

    result = keep(director, file, will_reload=True)

    assert list(result.change.added.lines()) == ["30.0.1.7/32"]
    for one in (file, Replaced(file).former):
        found = one.stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (*owner, 0o640)


def test_a_dry_run_shows_what_would_change_and_writes_nothing(
    director: Director, file: Path
) -> None:
    director.night(*OLD)
    keep(director, file)
    director.night(*NEW)

    result = keep(director, file, dry_run=True, will_reload=True)

    assert (result.writing, result.needs_reload) == ("would write", True)
    assert list(result.change.added.lines()) == ["30.0.1.7/32"]
    assert held(file) == OLD
    assert names(file) == ["proxies.lst"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"root:x:0:0:root:/root:/bin/sh\n", "row 1: .* is no line of format haproxy"),
        (b"20.0.0.0/24 1\n", "row 1: .* is no line of format haproxy"),
        (b"\xff\x00", "no ASCII text"),
    ],
)
def test_a_file_that_is_no_such_list_is_never_replaced(
    director: Director, file: Path, content: bytes, why: str
) -> None:
    director.night(*OLD)
    file.write_bytes(content)

    with pytest.raises(OperatorMistake, match=why):
        keep(director, file)

    assert file.read_bytes() == content


def test_nothing_is_written_through_a_symbolic_link(director: Director, file: Path) -> None:
    director.night(*OLD)
    elsewhere = file.with_name("elsewhere")
    elsewhere.write_bytes(b"")
    file.symlink_to(elsewhere)

    with pytest.raises(OperatorMistake, match="is a symbolic link"):
        keep(director, file)

    assert elsewhere.read_bytes() == b""


def test_a_folder_that_is_not_there_is_said(director: Director, file: Path) -> None:
    director.night(*OLD)

    with pytest.raises(Unequipped, match="cannot be written: No such file or directory"):
        keep(director, file.parent / "nowhere" / file.name)


def test_what_a_killed_run_left_is_in_nobodys_way(director: Director, file: Path) -> None:
    director.night(*OLD)
    file.with_name(".proxies.lst.new").write_text("20.0.0.0/24\n30.0")

    keep(director, file)

    assert held(file) == OLD
    assert names(file) == ["proxies.lst"]


# ---------------------------------------------------------------- fail static


def test_a_set_of_which_nothing_is_known_is_never_written(director: Director, file: Path) -> None:
    with pytest.raises(ExportFailed, match="no accepted version yet"):
        keep(director, file)

    assert names(file) == []


def test_a_set_that_may_be_empty_empties_the_file_too(director: Director, file: Path) -> None:
    director.configure(EMPTYING)
    director.text_night("20.0.0.0/24")
    keep(director, file)
    director.text_night()
    approve(director.config, director.doors(), 2, reason="they closed")

    for source in (SET, Source(2)):
        result = keep(director, file, source)

        assert held(file) == []
        assert (result.prefixes, result.writing) in ((0, "written"), (0, "unchanged"))
    assert export(director.config, director.doors(), SET, "plain") == ""


def test_an_empty_version_of_a_feed_that_may_be_empty_no_longer_is_not_written(
    director: Director, file: Path
) -> None:
    director.configure(EMPTYING)
    director.text_night("20.0.0.0/24")
    keep(director, file)
    director.text_night()
    approve(director.config, director.doors(), 2, reason="they closed")
    director.configure(EMPTYING.replace("may_be_empty = true", ""))

    for source in (SET, Source(2)):
        with pytest.raises(ExportFailed, match="it holds no address, and its feeds may not be"):
            keep(director, file, source)

    assert held(file) == ["20.0.0.0/24"]


def test_a_set_that_became_empty_by_mistake_is_not_written(director: Director, file: Path) -> None:
    director.night(*OLD)
    keep(director, file)
    director.configure(f'{ONE_FEED}\nexclude = ["20.0.0.0/8", "30.0.0.0/8"]')

    with pytest.raises(ExportFailed, match="it holds no address, and its feeds may not be empty"):
        keep(director, file)

    assert held(file) == OLD


def test_a_set_that_must_not_be_in_the_kernel_is_not_written_either(
    director: Director, file: Path
) -> None:
    director.night(*OLD)
    director.configure(f'{ONE_FEED}\nprotect = ["30.0.0.0/30"]')

    with pytest.raises(ExportFailed, match="set aol is not exported: it "):
        keep(director, file)

    assert names(file) == []


def test_a_feed_that_is_not_known_yet_takes_no_address_out_of_a_file(
    director: Director, file: Path
) -> None:
    director.night(*OLD)
    keep(director, file)
    both = TWO_FEEDS.replace('feeds = ["aol"]', 'feeds = ["aol", "opera"]')
    director.configure(both)
    keep(director, file)
    file.write_text(file.read_text() + "40.0.0.0/24\n")

    with pytest.raises(ExportFailed, match="256 addresses would leave, and opera has no accepted"):
        keep(director, file)


def test_a_version_that_is_held_replaces_no_file_and_can_still_be_printed(
    director: Director, file: Path
) -> None:
    director.night(*OLD)
    director.night("20.0.0.0/24", "30.0.0.0/16")
    assert director.versions()[-1] == (2, "held")

    with pytest.raises(GuardError, match="version 2 is held"):
        keep(director, file, Source(2))
    reject(director.doors(), 2, reason="no")
    with pytest.raises(GuardError, match="version 2 is rejected"):
        keep(director, file, Source(2))

    assert names(file) == []
    printed = export(director.config, director.doors(), Source(2), "plain")
    assert printed == "20.0.0.0/24\n30.0.0.0/16\n"


# ---------------------------------------------------------------- reload


def test_a_reload_that_succeeds_leaves_only_the_new_file(director: Director, file: Path) -> None:
    director.night(*OLD)
    keep(director, file)
    director.night(*NEW)

    done = told(keep(director, file, will_reload=True))

    assert done.exit_code == 0
    assert names(file) == ["proxies.lst"]


def test_a_reload_that_fails_keeps_both_files_and_is_tried_again(
    director: Director, file: Path
) -> None:
    director.night(*OLD)
    keep(director, file)
    director.night(*NEW)

    failed = told(keep(director, file, will_reload=True), "systemctl reload haproxy exited with 1")

    (problem,) = failed.problems
    assert (problem.exit_code, problem.code) == (5, "export")
    assert "exited with 1" in problem.message
    assert "goes on with the list that it read before" in problem.message
    assert held(file) == ["20.0.0.0/24", "30.0.0.0/24", "30.0.1.7/32"]
    assert held(Replaced(file).former) == OLD

    again = keep(director, file, will_reload=True)
    assert (again.writing, again.needs_reload) == ("unchanged", True)
    assert told(again).exit_code == 0
    assert not keep(director, file, will_reload=True).needs_reload


def test_the_list_that_was_read_last_is_kept_through_several_failures(
    director: Director, file: Path
) -> None:
    director.night(*OLD)
    keep(director, file)
    for prefixes in (NEW, [*NEW, "30.0.1.9"]):
        director.night(*prefixes)
        told(keep(director, file, will_reload=True), "no")

    assert held(Replaced(file).former) == OLD


def test_after_a_first_reload_that_fails_there_is_no_list_to_go_back_to(
    director: Director, file: Path
) -> None:
    director.night(*OLD)

    (problem,) = told(keep(director, file, will_reload=True), "no").problems

    assert problem.hint == "the command by hand"
    assert keep(director, file, will_reload=True).needs_reload
    director.night(*NEW)
    (problem,) = told(keep(director, file, will_reload=True), "no").problems
    assert problem.hint == "the command by hand"


def test_a_reload_that_cannot_be_noted_says_that_the_file_is_right(
    director: Director, file: Path
) -> None:
    director.night(*OLD)
    keep(director, file)
    director.night(*NEW)
    result = keep(director, file, will_reload=True)
    Replaced(file).former.unlink()
    Replaced(file).former.mkdir()

    with pytest.raises(Unequipped, match=r"lst is right and was reloaded, and the next run"):
        told(result)


# ---------------------------------------------------------------- killed

# It replaces 40,000 lines by 40,001 and dies at one of the system calls that write.
_VICTIM = """
import os, signal, sys
from pathlib import Path
from proxyfeed.replacing import Replaced

step, path = int(sys.argv[1]), Path(sys.argv[2])
left = [step]

def hook(event, arguments):
    if event in ("open", "os.rename", "os.remove", "os.chmod", "os.chown"):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
file = Replaced(path)
file.write(b"20.0.0.0/24\\n" * 40_001, will_reload=True)
print("told", flush=True)
file.reloaded()
print("done")
"""


def test_killed_at_any_step_the_file_is_the_old_or_the_new_and_the_reload_is_not_forgotten(
    tmp_path: Path,
) -> None:
    path = tmp_path / "proxies.lst"
    old, new = b"20.0.0.0/24\n" * 40_000, b"20.0.0.0/24\n" * 40_001
    seen = set()
    for step in range(1, 100):
        Replaced(path).former.unlink(missing_ok=True)
        path.write_bytes(old)
        done = subprocess.run(
            [sys.executable, "-c", _VICTIM, str(step), str(path)], capture_output=True, check=False
        )
        found = path.read_bytes()
        assert found in (old, new)
        if b"done" in done.stdout:
            break
        assert done.returncode == -9
        seen.add(found == new)
        assert found == old or Replaced(path).waits_for_reload or done.stdout == b"told\n"
    assert done.returncode == 0
    assert seen == {True, False}


def test_every_refusal_is_one_of_ours(director: Director, file: Path) -> None:
    director.night(*OLD)
    file.mkdir()

    with pytest.raises(ProxyfeedError, match="is no file"):
        keep(director, file)
