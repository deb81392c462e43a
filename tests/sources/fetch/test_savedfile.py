import os
import socket
from pathlib import Path

import pytest

from proxyfeed.model import Body, FetchLimits, FetchOutcome, Validators
from proxyfeed.sources.fetch.savedfile import read_saved
from proxyfeed.sources.fetch.transport import Answer

LIMITS = FetchLimits(max_bytes=1000)
SECOND = 1_000_000_000


def read(url: str, validators: Validators | None = None) -> Answer:
    return read_saved(url, LIMITS, validators)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "aol list%?.html"
    page.write_bytes(b"\xef\xbb\xbf192.0.2.0/24\n")
    os.utime(page, ns=(0, 1_170_460_800 * SECOND + 5))
    return page


def test_a_file_is_read_with_validators_from_its_inode(page: Path) -> None:
    answer = read(page.as_uri())
    assert (answer.outcome, answer.size, answer.status) == (FetchOutcome.NEW, 16, None)
    assert answer.body is not None
    assert answer.body.content == b"\xef\xbb\xbf192.0.2.0/24\n"
    assert answer.body.content_type == ""
    assert answer.body.validators == Validators(
        page.as_uri(), f'"{1_170_460_800 * SECOND + 5:x}-10"', "Sat, 03 Feb 2007 00:00:00 GMT"
    )


def validators_of(page: Path) -> Validators | None:
    answer = read(page.as_uri())
    assert answer.body is not None
    return answer.body.validators


def test_an_untouched_file_is_not_modified(page: Path) -> None:
    answer = read(page.as_uri(), validators_of(page))
    assert (answer.outcome, answer.body) == (FetchOutcome.NOT_MODIFIED, None)


def test_a_touched_file_is_read_again(page: Path) -> None:
    before = validators_of(page)
    os.utime(page, ns=(0, 1_170_460_800 * SECOND + 6))
    assert read(page.as_uri(), before).outcome is FetchOutcome.NEW


def test_validators_of_another_file_are_not_believed(page: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    twin.write_bytes(page.read_bytes())
    os.utime(twin, ns=(0, page.stat().st_mtime_ns))
    assert read(twin.as_uri(), validators_of(page)).outcome is FetchOutcome.NEW


@pytest.mark.parametrize(
    "start", ["file://", "file://localhost", "file://LOCALHOST", "file:", "FILE://"]
)
def test_every_way_to_write_a_local_file_url_is_read(start: str, page: Path) -> None:
    assert read(f"{start}{page.as_uri().removeprefix('file://')}").outcome is FetchOutcome.NEW


def test_a_name_that_is_not_utf8_is_found(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")).write_bytes(b"192.0.2.0/24\n")
    assert read(f"{tmp_path.as_uri()}/caf%E9").outcome is FetchOutcome.NEW


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("file://lists.example.net/list", "a file URL cannot name another host"),
        ("file:list", "the path is not absolute: a file URL begins with file:///"),
        ("file:", "the path is not absolute: a file URL begins with file:///"),
        ("file:///", "not a regular file"),
        ("file:///dev/zero", "not a regular file"),
        ("file:///list?a", "a file URL has no query and no fragment: ? is written %3F, # is %23"),
        ("file:///list#a", "a file URL has no query and no fragment: ? is written %3F, # is %23"),
        ("file:///no/such/list", "No such file or directory"),
        ("file:///" + "x" * 5000, "File name too long"),
    ],
)
def test_what_names_no_file_says_why(url: str, detail: str) -> None:
    answer = read(url)
    assert (answer.outcome, answer.detail) == (FetchOutcome.NO_FILE, detail)
    assert not answer.heals


@pytest.mark.parametrize("url", ["file:///%00", "file://[::1/list"])
def test_a_url_that_makes_no_sense_names_no_file(url: str) -> None:
    answer = read(url)
    assert answer.outcome is FetchOutcome.NO_FILE
    assert answer.detail.startswith("not a usable file URL: ")


def test_a_fifo_that_nobody_writes_to_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    answer = read((tmp_path / "fifo").as_uri())
    assert (answer.outcome, answer.detail) == (FetchOutcome.NO_FILE, "not a regular file")


def test_a_socket_is_no_file(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert read((tmp_path / "socket").as_uri()).outcome is FetchOutcome.NO_FILE


def test_a_file_behind_a_link_is_read(page: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(page)
    assert read((tmp_path / "link").as_uri()).outcome is FetchOutcome.NEW


def test_a_file_that_may_not_be_read_says_so(page: Path) -> None:
    page.chmod(0)
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            answer = read(page.as_uri())
        finally:
            os.seteuid(0)
    else:
        answer = read(page.as_uri())
    assert (answer.outcome, answer.detail) == (FetchOutcome.NO_FILE, "Permission denied")


def test_an_empty_file_has_an_outcome_of_its_own_and_is_a_body_all_the_same(page: Path) -> None:
    page.write_bytes(b"")
    os.utime(page, ns=(0, 255))
    answer = read(page.as_uri())
    assert (answer.outcome, answer.size) == (FetchOutcome.EMPTY, 0)
    assert answer.body == Body(
        b"", validators=Validators(page.as_uri(), '"ff-0"', "Thu, 01 Jan 1970 00:00:00 GMT")
    )


@pytest.mark.parametrize(
    ("size", "outcome"), [(1000, FetchOutcome.NEW), (1001, FetchOutcome.TOO_LARGE)]
)
def test_the_limit_is_the_largest_file_that_is_taken(
    page: Path, size: int, outcome: FetchOutcome
) -> None:
    page.write_bytes(bytes(size))
    assert read(page.as_uri()).outcome is outcome


def test_a_file_that_is_not_as_long_as_it_says_is_truncated() -> None:
    # The kernel says 0 bytes and gives more: for a reader, just what a file being written does.
    assert Path("/proc/self/status").stat().st_size == 0
    assert read("file:///proc/self/status").outcome is FetchOutcome.TRUNCATED


@pytest.mark.parametrize("mtime", [-5 * SECOND, 2**62])
def test_an_impossible_date_does_no_harm(page: Path, mtime: int) -> None:
    os.utime(page, ns=(0, mtime))
    assert read(page.as_uri()).outcome is FetchOutcome.NEW
