"""Where an installation lives, and the stores that it opens: the only place that names concrete backends."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.config import Settings, SettingsSource
from gateway.errors import GatewayError
from gateway.files.directory import FileDirectory
from gateway.observe.metrics import Metrics
from gateway.push.destination import signing_keys
from gateway.push.signing import installation_key
from gateway.routing.policy import prefix
from gateway.store.roles import Store
from gateway.store.sqlite import SqliteStore


@dataclass(frozen=True, slots=True)
class Installation:
    """Where this installation lives: `data_dir` (created 0700 if missing) and the process environment."""

    data_dir: Path
    environ: Mapping[str, str]

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Installation:
        """DATA_DIR, by default `data` in the working directory."""
        data_dir = Path(environ.get("DATA_DIR") or "data")
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(data_dir, environ)

    def settings_source(self) -> SettingsSource:
        """The configuration: GATEWAY_CONFIG and the GATEWAY__ variables."""
        return SettingsSource(self.environ.get("GATEWAY_CONFIG") or None, self.environ)

    def push_keys(self, provider: str = "", *, debug: bool = False) -> tuple[str, ...]:
        """The keys that sign for a provider, the present one first. GatewayError: no such provider."""
        options = self.settings_source().current.provider(provider)
        if options is None:
            raise GatewayError(f"there is no [push.provider.{provider}]")
        return signing_keys(options, prefix(debug=debug), installation_key(self.data_dir))

    def open_store(self, settings: Settings, metrics: Metrics | None = None) -> Store:
        """The embedded store of this installation."""
        return SqliteStore(settings.store.file_under(self.data_dir), metrics=metrics)

    def open_files(self, settings: Settings) -> FileDirectory:
        """The directory with the contents of files."""
        directory = FileDirectory(settings.files.directory_under(self.data_dir))
        directory.open()
        return directory
