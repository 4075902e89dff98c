"""Configuration: the option registry, ini and environment loading with provenance, live reload.

`Settings` is one immutable snapshot; `SettingsSource` holds the current one and swaps it whole. Everything
that the gateway can be told is one `Option` in the registry, from which docs/options.md is generated.
"""

from gateway.config.errors import ConfigError
from gateway.config.settings import Settings
from gateway.config.source import SettingsSource

__all__ = ["ConfigError", "Settings", "SettingsSource"]
