"""`SettingsSource`: the current settings, and their replacement while the gateway runs.

Theory of operation. `poll()` reads the file (and the secret files) and compares the content with what it
examined last: 2 kB once a second cost nothing, and a time stamp would miss edits on file systems with coarse
clocks and Kubernetes' link swaps. New content is loaded and checked as a whole; only then `current` is
replaced by one assignment, so every reader sees either the old snapshot or the new one. A bad file changes
nothing and is reported once. Options that take effect "after restart" keep their running value and are listed
by `pending()`.

Made by services; polled by the thread of `watch` and by SIGHUP (which may interrupt a poll, so poll never
waits).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from gateway.config import checks
from gateway.config.environment import ReadFile, named_files
from gateway.config.errors import ConfigError, shown
from gateway.config.ini import decode
from gateway.config.loader import load, read_path
from gateway.config.option import Option
from gateway.config.settings import Settings

Callback = Callable[[Settings, Settings], None]

# An editor truncates and rewrites a file within milliseconds; this wait avoids reading half of it.
SETTLE_S = 0.1

log = structlog.get_logger()


class SettingsSource:
    """Holds the current `Settings`. `path` None: environment and defaults only."""

    def __init__(
        self, path: str | Path | None, environ: Mapping[str, str], *, read_file: ReadFile = read_path
    ) -> None:
        """Load at once; ConfigError when the gateway must not start with this configuration."""
        self._path = None if path is None else str(path)
        self._environ = dict(environ)
        self._read_file = read_file
        self._polling = threading.Lock()  # guards the fields below against two polls at a time
        self._callbacks: tuple[Callback, ...] = ()
        self._pending: tuple[Option, ...] = ()
        self._last_error: ConfigError | None = None
        self._files = (*(() if self._path is None else (self._path,)), *named_files(self._environ))
        self._examined = self._digest()  # before loading: an edit in between is found by the next poll
        self._current = self._load()

    @property
    def current(self) -> Settings:
        """The snapshot in force. Read it once per unit of work and keep that one."""
        return self._current

    @property
    def path(self) -> str | None:
        """The configuration file, if there is one."""
        return self._path

    @property
    def last_error(self) -> ConfigError | None:
        """Why the latest content was rejected; None when it is in force."""
        return self._last_error

    def pending(self) -> tuple[str, ...]:
        """Options changed in the file that wait for a restart, as `[section] name`."""
        return tuple(f"[{option.section}] {option.name}" for option in self._pending)

    def subscribe(self, callback: Callback) -> None:
        """Call `callback(old, new)` after each swap, in the thread that polls. Its errors are logged."""
        self._callbacks = (*self._callbacks, callback)

    def changed(self) -> bool:
        """Whether the files differ from what was examined last."""
        return self._digest() != self._examined

    def poll(self) -> bool:
        """Take over new content. True when the settings were swapped; False when nothing changed, the content
        was rejected (`last_error`), or another poll is running."""
        if not self._polling.acquire(blocking=False):
            return False
        try:
            digest = self._digest()
            if digest == self._examined:
                return False
            self._examined = digest
            return self._replace()
        finally:
            self._polling.release()

    def _replace(self) -> bool:
        """Load, check, swap, tell."""
        old = self._current
        try:
            new, pending = self._load().holding(old)
        except ConfigError as error:
            self._last_error = error
            log.error("config_rejected", path=self._path, line=error.line, reason=error.reason)
            return False
        self._current, self._pending, self._last_error = new, pending, None
        log.info("config_reloaded", path=self._path)
        report(new)
        if pending:
            log.warning("config_pending_restart", options=list(self.pending()))
        for callback in self._callbacks:
            try:
                callback(old, new)
            except Exception:
                log.exception("config_subscriber_failed", subscriber=repr(callback))
        return True

    def _load(self) -> Settings:
        source = self._path or "config"
        text = "" if self._path is None else decode(self._read_config(self._path), source)
        return Settings(load(text, self._environ, source=source, read_file=self._read_file))

    def _read_config(self, path: str) -> bytes:
        try:
            return self._read_file(path)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise ConfigError(f"cannot read {shown(path)}: {why}") from None

    def _digest(self) -> str:
        """A fingerprint of all files that were read; an unreadable one counts as a content of its own."""
        digest = hashlib.sha256()
        for path in self._files:
            try:
                content = hashlib.sha256(self._read_file(path)).digest()
            except (OSError, ValueError):
                content = b"unreadable"
            digest.update(content)
        return digest.hexdigest()


def report(settings: Settings) -> None:
    """Log what an operator should know about a snapshot: warnings and advisories, one event each."""
    for warning in settings.warnings:
        log.warning("config_warning", reason=warning)
    for advisory in checks.advisories(settings):
        log.warning("config_advisory", reason=advisory)


def watch(source: SettingsSource, stop_event: threading.Event, interval: float = 1.0) -> threading.Thread:
    """Start a daemon thread that polls `source` every `interval` seconds until `stop_event` is set."""

    def loop() -> None:
        while not stop_event.wait(interval):
            if source.changed() and not stop_event.wait(SETTLE_S):
                source.poll()

    thread = threading.Thread(target=loop, name="config-watch", daemon=True)
    thread.start()
    return thread
