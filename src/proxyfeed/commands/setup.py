"""
``init`` and ``config``: from nothing to a first update, and the checking of what is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from proxyfeed.commands.exposure import exposed
from proxyfeed.commands.feeds import without_secrets
from proxyfeed.config import Config, is_there, load
from proxyfeed.errors import OperatorMistake
from proxyfeed.lock import exclusive
from proxyfeed.model import ConfigResult, InitResult, Outcome
from proxyfeed.redact import redact
from proxyfeed.shipped import shipped
from proxyfeed.store import create_or_upgrade


def init(
    path: Path, usual: Path, state_folder: Path, lock_path: Callable[[Config], Path]
) -> Outcome:
    """
    Write a commented configuration where there is none, and make or upgrade the database.

    *usual* is where a command without ``--config`` looks.
    """
    is_new = not is_there(path)
    if is_new:
        _write_example(path)
    config = load(path, state_folder)
    with exclusive(lock_path(config), "proxyfeed init"):
        create_or_upgrade(config.database).dispose()
    result = InitResult(str(path), is_new, redact(config.database), _next_steps(path, usual))
    return Outcome("init", result)


def show_config(config: Config) -> Outcome:
    """
    The configuration as it is understood, without its secrets.
    """
    return Outcome(
        "config",
        ConfigResult(
            origin=config.origin,
            database=redact(config.database),
            apply=config.apply,
            heal=config.heal,
            fetch_as=config.fetch_as,
            feeds=tuple(without_secrets(feed) for feed in config.feeds.values()),
            sets=tuple(config.sets.values()),
            alerts=tuple(redact(url).partition("://")[0] + "://..." for url in config.alerts.to),
        ),
        warnings=exposed(config),
    )


def _write_example(path: Path) -> None:
    text = Path(__file__).parents[1].joinpath("example.toml").read_text("utf-8")
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        # Alert URLs hold passwords, so the file is its owner's alone.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as exc:
        raise OperatorMistake(
            f"{path} cannot be written: {exc.strerror}",
            hint="proxyfeed --config FILE init",
        ) from exc


def _next_steps(path: Path, usual: Path) -> tuple[str, ...]:
    cron = shipped("cron")
    command = "proxyfeed" if path == usual else f"proxyfeed --config {path}"
    named = () if path == usual else (f"in the lines below, write: {command}",)
    return (
        f"edit {path}, then check it: {command} config",
        f"see what a first run would do: {command} update --dry-run",
        f"do it: {command} update, then: {command} status",
        *named,
        f"every night: install -m 644 {cron}/proxyfeed /etc/cron.d/proxyfeed",
        f"or by systemd: install -m 644 {cron}/proxyfeed*.service {cron}/proxyfeed.timer "
        "/etc/systemd/system/ && systemctl enable --now proxyfeed.timer proxyfeed-boot.service",
    )
