"""
Files that others may change are not gone by, and secrets that others may read are told of.

Files and modes are real, and so are other owners, where the tests run as root. An ordinary user's
own files stand in for them: to root, they are another's.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.e2e.conftest import director, equipped, first_night, machine, running, site, webhook
from tests.e2e.machine import ALERTS, CONFIGURATION, Machine
from tests.e2e.servers import Webhook
from tests.kernel.conftest import missing

from proxyfeed.config import load
from proxyfeed.errors import Exposed
from proxyfeed.modes import Caller, caller, check_database, readable_database

__all__ = ["director", "equipped", "first_night", "machine", "missing", "running", "site"]
__all__ += ["webhook"]

ROOT = Caller(0, 0)
NOBODY = 65534
SETTINGS = '[sets.aol]\nfeeds = ["aol"]\nmark = 1\n'
SECRET = '[alerts]\nto = ["slack://TokenA/TokenB/TokenC"]\n'


@pytest.fixture
def open_place() -> Iterator[Path]:
    """
    A folder that everybody may enter, which those of the other tests are not.
    """
    with TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def config_in(folder: Path, text: str = SETTINGS, mode: int = 0o600) -> Path:
    return write(folder / "proxyfeed.toml", text, mode)


def write(path: Path, text: str = "", mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def give_away(path: Path) -> int:
    """
    Let *path* belong to somebody who is not root, and return who.
    """
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    return path.stat().st_uid


def refusal(work: Callable[[], object]) -> Exposed:
    with pytest.raises(Exposed) as caught:
        work()
    assert caught.value.exit_code == 2
    assert caught.value.message.endswith("sets and rules stay as they are")
    return caught.value


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


# ---------------------------------------------------------------- the configuration


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_configuration_that_others_may_write_to_is_refused(mode: int, tmp_path: Path) -> None:
    path = config_in(tmp_path, mode=mode)

    refused = refusal(lambda: load(path, tmp_path))

    assert f"the configuration {path} can be changed by others (mode {mode:04o}" in refused.message
    assert refused.hint == f"chmod go-w {path}"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_a_configuration_that_only_its_owner_writes_to_is_read(mode: int, tmp_path: Path) -> None:
    assert load(config_in(tmp_path, mode=mode), tmp_path).warnings == ()


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_catalogue_of_ones_own_is_held_to_the_same(mode: int, tmp_path: Path) -> None:
    path = config_in(tmp_path, 'catalog = "more.toml"\n' + SETTINGS)
    more = write(tmp_path / "more.toml", mode=mode)

    refused = refusal(lambda: load(path, tmp_path))

    assert refused.message.startswith(f"the catalogue {more} can be changed by others")
    assert refused.hint == f"chmod go-w {more}"


def test_a_folder_above_in_which_anybody_may_swap_files_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "shared" / "inner"
    folder.mkdir(parents=True)
    path = config_in(folder)
    folder.parent.chmod(0o777)

    refused = refusal(lambda: load(path, tmp_path))

    assert f"{path} can be replaced by anybody: {folder.parent} is on the way" in refused.message
    assert "mode 0777" in refused.message
    assert refused.hint == f"chmod o-w {folder.parent}"


def test_a_folder_with_the_sticky_bit_keeps_what_is_in_it(tmp_path: Path) -> None:
    path = config_in(tmp_path)
    tmp_path.chmod(0o1777)

    assert load(path, tmp_path).origin == str(path)


@pytest.mark.parametrize("swapped", ["links", "files"])
def test_the_way_through_a_symbolic_link_is_looked_at_on_both_sides(
    swapped: str, tmp_path: Path
) -> None:
    links, files = tmp_path / "links", tmp_path / "files"
    links.mkdir()
    files.mkdir()
    config_in(files)
    (links / "proxyfeed.toml").symlink_to("../files/proxyfeed.toml")
    (tmp_path / swapped).chmod(0o777)

    refused = refusal(lambda: load(links / "proxyfeed.toml", tmp_path))

    assert refused.hint == f"chmod o-w {tmp_path / swapped}"


def test_a_name_with_a_blank_is_quoted_in_the_command(tmp_path: Path) -> None:
    path = write(tmp_path / "my own.toml", SETTINGS, 0o666)

    assert refusal(lambda: load(path, tmp_path)).hint == f"chmod go-w '{path}'"


def test_a_configuration_from_a_pipe_is_read() -> None:
    # As in: proxyfeed --config <(sops decrypt proxyfeed.toml) config
    reader, writer = os.pipe()
    os.write(writer, SETTINGS.encode())
    os.close(writer)
    try:
        assert set(load(Path(f"/dev/fd/{reader}"), Path("/")).sets) == {"aol"}
    finally:
        os.close(reader)


# ---------------------------------------------------------------- owners


def test_root_does_not_go_by_a_file_of_another_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config_in(tmp_path, mode=0o620)
    give_away(path)
    monkeypatch.setattr("proxyfeed.modes.caller", lambda: ROOT)

    refused = refusal(lambda: load(path, tmp_path))

    assert refused.hint == f"chown root {path} && chmod go-w {path}"


def test_an_ordinary_user_goes_by_files_of_root_and_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config_in(tmp_path)
    give_away(path)
    monkeypatch.setattr("proxyfeed.modes.caller", lambda: Caller(1000, 1000))

    assert load(path, tmp_path).origin == str(path)


def test_an_owner_whom_a_namespace_does_not_know_may_be_the_real_root(tmp_path: Path) -> None:
    path = write(tmp_path / "proxyfeed.db")
    owner = give_away(path)

    check_database(path, Caller(0, 0, unknown_uid=owner))
    assert refusal(lambda: check_database(path, ROOT)).hint == f"chown root {path}"


def test_nobody_is_unknown_in_a_user_namespace_alone() -> None:
    script = "from proxyfeed.modes import caller; print(caller())"
    argv = ("unshare", "--user", "--map-root-user", sys.executable, "-c", script)
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode and "unshare" in done.stderr:
        pytest.skip(f"no user namespace can be made: {done.stderr.strip()}")

    overflow = Path("/proc/sys/kernel/overflowuid").read_text().strip()
    assert done.stdout.strip() == (
        f"Caller(uid=0, gid=0, unknown_uid={overflow}, unknown_gid={overflow})"
    )
    if Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]:
        assert caller() == Caller(os.geteuid(), os.getegid())


# ---------------------------------------------------------------- the database


@pytest.mark.parametrize("name", ["proxyfeed.db", "proxyfeed.db-wal", "proxyfeed.db-journal"])
def test_a_database_that_others_may_write_to_is_refused(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, mode=0o602)

    refused = refusal(lambda: check_database(tmp_path / "proxyfeed.db", caller()))

    assert f"the database {path} can be changed by others (mode 0602" in refused.message
    assert refused.hint == f"chmod o-w {path}"


def test_a_database_for_a_group_of_operators_is_not_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)

    check_database(write(tmp_path / "proxyfeed.db", mode=0o660), caller())


def test_a_folder_where_anybody_may_leave_a_journal_is_refused_before_there_is_a_database(
    tmp_path: Path,
) -> None:
    # The sticky bit keeps files from being replaced, and none from being added.
    tmp_path.chmod(0o1777)

    refused = refusal(lambda: check_database(tmp_path / "proxyfeed.db", caller()))

    assert refused.message.startswith(f"the folder of the database {tmp_path} can be changed")
    assert refused.hint == f"chmod o-w {tmp_path}"


@pytest.mark.parametrize("name", ["proxyfeed.db", "proxyfeed.db-wal", "."])
def test_root_does_not_believe_a_database_of_another_user(name: str, tmp_path: Path) -> None:
    database = write(tmp_path / "proxyfeed.db")
    path = database if name == "proxyfeed.db" else tmp_path / name
    if name == "proxyfeed.db-wal":
        write(path)
    if os.geteuid() == 0:
        give_away(path)
    else:
        pytest.skip("an ordinary user cannot give one file away and keep the others")

    assert refusal(lambda: check_database(database, ROOT)).hint == f"chown root {path}"


def test_a_database_behind_a_link_is_looked_at_where_it_is(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    write(real / "proxyfeed.db")
    wal = write(real / "proxyfeed.db-wal", mode=0o602)
    (tmp_path / "proxyfeed.db").symlink_to(real / "proxyfeed.db")

    refused = refusal(lambda: check_database(tmp_path / "proxyfeed.db", caller()))

    assert refused.hint == f"chmod o-w {wal}"


# ---------------------------------------------------------------- who else may read


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        '[feeds.x]\nurl = "https://ops:secret@lists.example.net/"\nformat = "text"\n',
        '[feeds.x]\nurls = ["https://lists.example.net/?key=secret"]\nformat = "text"\n',
    ],
)
def test_secrets_that_everybody_may_read_are_told_of(text: str, open_place: Path) -> None:
    path = config_in(open_place, SETTINGS + text, 0o644)

    (warning,) = load(path, open_place).warnings

    assert warning == (
        f"everybody may read the secrets in the configuration {path}: chmod go-r {path}"
    )
    path.chmod(0o600)
    assert load(path, open_place).warnings == ()


def test_a_database_url_with_a_password_is_a_secret(open_place: Path) -> None:
    text = 'database = "postgresql://ops:secret@db.example.net/lists"\n' + SETTINGS

    assert len(load(config_in(open_place, text, 0o644), open_place).warnings) == 1


def test_a_configuration_without_secrets_may_be_read_by_everybody(open_place: Path) -> None:
    path = config_in(open_place, SETTINGS + '[feeds.x]\nurl = "https://h.example/"\n', 0o644)
    path.write_text(path.read_text() + 'format = "text"\n')

    assert load(path, open_place).warnings == ()


def test_secrets_in_a_catalogue_are_told_of_too(open_place: Path) -> None:
    path = config_in(open_place, 'catalog = "more.toml"\n' + SETTINGS)
    text = '[x]\nurl = "https://h.example/?key=secret"\nformat = "text"\n'
    more = write(open_place / "more.toml", text, 0o644)

    (warning,) = load(path, open_place).warnings

    assert warning == f"everybody may read the secrets in the catalogue {more}: chmod go-r {more}"


def test_what_lies_in_a_closed_folder_is_read_by_nobody_else(open_place: Path) -> None:
    closed = open_place / "closed"
    closed.mkdir(mode=0o700)

    assert load(config_in(closed, SETTINGS + SECRET, 0o644), closed).warnings == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file to another group")
def test_a_group_other_than_ones_own_is_told_by_its_name(open_place: Path) -> None:
    path = config_in(open_place, SETTINGS + SECRET, 0o640)
    assert load(path, open_place).warnings == ()
    os.chown(path, 0, 4)

    (warning,) = load(path, open_place).warnings

    assert warning.startswith("group adm may read the secrets in the configuration")


def test_a_database_that_others_may_read_is_told_of(open_place: Path) -> None:
    path = write(open_place / "proxyfeed.db", mode=0o644)

    assert readable_database(path, caller()) == (
        f"everybody may read the folder of the database {open_place} (mode 0755): "
        f"chmod o-rwx {open_place}",
        f"everybody may read the database {path} (mode 0644): chmod o-r {path}",
    )
    open_place.chmod(0o750)
    assert readable_database(path, caller()) == ()


# ---------------------------------------------------------------- through the program


@pytest.mark.kernel
@pytest.mark.parametrize("command", ["config", "status", "update", "apply", "history"])
def test_an_exposed_configuration_stops_every_command_and_changes_nothing(
    command: str, running: Machine
) -> None:
    running.config.chmod(0o666)
    held, files = running.kernel(), running.files()

    done = running.proxyfeed(command, code=2)

    said = done.err.splitlines()
    assert done.out == ""
    assert [line.partition(": ")[0] for line in said] == ["proxyfeed", "try"]
    assert (running.kernel(), running.files()) == (held, files)
    subprocess.run(said[1].removeprefix("try: "), shell=True, check=True)
    assert running.proxyfeed(command).err == ""


@pytest.mark.kernel
def test_an_exposed_database_stops_the_night_with_a_document_and_an_alert(
    running: Machine, webhook: Webhook
) -> None:
    running.configure(CONFIGURATION + ALERTS)
    running.database.chmod(0o666)
    held = running.kernel()

    done = running.proxyfeed("update", "--quiet", "--json", code=2)

    (error,) = done.document["errors"]
    assert (error["code"], error["hint"]) == ("exposed", f"chmod o-w {running.database}")
    assert [message.kind for message in webhook.take()] == ["failure"]
    assert running.kernel() == held
    running.database.chmod(0o640)
    assert running.proxyfeed("update", "--quiet").err == ""


@pytest.mark.kernel
def test_readable_secrets_are_a_warning_and_no_failure(
    machine: Machine, open_place: Path, webhook: Webhook
) -> None:
    exposed = Machine(machine.namespace, open_place)
    exposed.configure(CONFIGURATION + ALERTS)
    exposed.config.chmod(0o644)

    warning, folder = exposed.proxyfeed("update", "--quiet").err.splitlines()

    assert warning.startswith("proxyfeed: everybody may read the secrets in the configuration")
    assert folder.startswith("proxyfeed: everybody may read the folder of the database")
    assert exposed.proxyfeed("config").err.splitlines() == [warning, folder]
    assert exposed.proxyfeed("status", "--json").document["warnings"] == [
        line.removeprefix("proxyfeed: ") for line in (warning, folder)
    ]
    for line in (warning, folder):
        subprocess.run(line.rpartition(": ")[2], shell=True, check=True)
    assert exposed.proxyfeed("update", "--quiet").err == ""


@pytest.mark.kernel
@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_what_init_and_a_night_write_is_nobody_elses_under_any_umask(
    mask: int, machine: Machine
) -> None:
    machine.config.unlink()
    state = machine.folder / "state"

    with umask(mask):
        machine.proxyfeed("init")
        machine.proxyfeed("update", "--no-apply", code=None)

    written = [machine.config, state, *state.iterdir()]
    assert {"proxyfeed.db", "proxyfeed.db.lock"} <= {path.name for path in written}
    forbidden = stat.S_IWGRP | stat.S_IRWXO | mask
    assert not [path for path in written if path.stat().st_mode & forbidden]
    assert machine.proxyfeed("config").err == ""


@pytest.mark.kernel
def test_what_sqlite_keeps_beside_a_database_in_use_is_nobody_elses(running: Machine) -> None:
    script = (
        "import sys; from proxyfeed.cli import main; from proxyfeed.store import store; "
        "from pathlib import Path; folder = Path(sys.argv.pop(1))\n"
        "def look(*_):\n"
        "    print(*(f'{path.name} {path.stat().st_mode & 0o007}' for path in folder.iterdir()))\n"
        "    sys.exit(9)\n"
        "store.Store.record = look; main()"
    )
    with umask(0):
        done = running.proxyfeed(
            *(str(running.folder), "update", "--force-fetch"),
            code=9,
            program=(sys.executable, "-c", script),
        )

    found = dict(zip(*[iter(done.out.split())] * 2, strict=True))
    assert {"proxyfeed.db", "proxyfeed.db-wal", "proxyfeed.db-shm", "proxyfeed.db.lock"} <= set(
        found
    )
    assert {found[name] for name in found if name.startswith("proxyfeed.db")} == {"0"}
