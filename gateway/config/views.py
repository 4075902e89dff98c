"""Typed views of the sections, for code that reads settings often: plain attributes, the unit in the name.

Each field is the `attr` of exactly one option card (tests/unit/config/test_config_registry.py), so a view is
filled from the registry alone. Secret fields stay out of `repr`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from gateway.config.kinds_net import Network
from gateway.config.registry import base_section, options_of

View = TypeVar("View")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """[server]. `cors_allow_origins` is ("*",) or exact lower-case origins."""

    mount_prefix: str
    cors_allow_origins: tuple[str, ...]
    profile: str
    proxy_count: int
    max_body_size_bytes: int
    static_source: bool


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """[store]."""

    path: str
    durability: str

    def file_under(self, data_dir: Path) -> Path:
        """The database file; a relative path is meant from `data_dir`."""
        return data_dir / self.path


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """[cluster]. An empty name serves every node group (spec/push.md 5)."""

    name: str


@dataclass(frozen=True, slots=True)
class LogSettings:
    """[log]."""

    format: str
    level: str


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """[demo]."""

    enabled: bool


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """What [chat] holds for the whole installation; the rest is per service."""

    enable_notification_mode: bool
    default_chat_endpoint: str
    strict_services: bool


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """The values of one chat service: own section, else [chat], else default. `endpoint` is always filled."""

    push_notification_include_payload: bool
    push_notification_to_active_client: bool
    endpoint: str
    apikeys: tuple[str, ...] = field(repr=False)
    basic_auth: str = field(repr=False)
    max_message_length: int
    comet_disconnect_timeout_s: float
    typing_timeout_s: float
    ended_retention_s: float
    transcript_retention_days: int
    bad_secure_key_action: str
    single_attachment: bool
    comet_expose_chat_id: bool
    implicit_attach: bool
    system_nickname: str
    customer_waits_warning_s: float
    customer_waits_alarm_s: float
    dispositions: tuple[str, ...]
    disposition_required: bool


@dataclass(frozen=True, slots=True)
class PushSettings:
    """[push] without the destinations (`Settings.provider`). `enabled` holds push types such as `comet`."""

    enabled: tuple[str, ...]
    active_grace_s: float
    client_selectable_providers: tuple[str, ...]
    allow_client_debug: bool
    coalesce_ms: int
    reliable_inline_events: bool
    long_tail: bool
    notify_removal: bool
    include_typing: bool
    force_text_only: bool
    default_subscription_expiration_s: int
    log_bodies: str
    log_retention_s: float
    allowed_networks: tuple[Network, ...]
    allow_insecure: bool
    max_connections_per_route: int
    max_connections_total: int
    allowed_ports: tuple[str, ...]
    rate_limit: int
    retry: str

    def may_select(self, provider: str) -> bool:
        """Whether a client may select the provider; that it is configured is a separate question."""
        return "*" in self.client_selectable_providers or provider in self.client_selectable_providers


@dataclass(frozen=True, slots=True)
class FlexSettings:
    """[settings], the options of Chat Server (`flex-` left out of the names)."""

    disconnect_timeout_s: int
    push_enabled: bool
    push_on_join: bool
    push_timeout_s: int
    push_content: tuple[str, ...]
    push_resend_delay_s: int
    push_resend_attempts: int
    session_restore_extend_by: str
    session_restore_push_send: bool
    async_idle_alert_s: int
    async_idle_close_s: int
    async_idle_notices: str


@dataclass(frozen=True, slots=True)
class InactivitySettings:
    """[inactivity-control]. A timeout of 0 (only the second alert's) and an empty message mean "none"."""

    enabled: bool
    include_notices: str
    timeout_alert_s: int
    timeout_alert2_s: int
    timeout_close_s: int
    message_alert: str
    message_alert2: str
    message_close: str


@dataclass(frozen=True, slots=True)
class FileSettings:
    """[client-file-transfer]. `upload_file_types` is the colon separated text of the option."""

    upload_max_files: int
    upload_max_file_size: int
    upload_max_total_size: int
    upload_file_types: str
    upload_need_agent: bool
    download_attempts: int
    delete_file: str
    directory: str
    disk_quota_bytes: int
    disk_reserve_bytes: int
    upload_scan_cmd: str
    upload_scan_timeout_s: float

    @property
    def extensions(self) -> frozenset[str]:
        """The accepted extensions in lower case, without dots."""
        return frozenset(self.upload_file_types.lower().split(":"))

    @property
    def customers_may_delete(self) -> bool:
        """The values of `delete-file` are the vendor's secret; only these two mean no (Q-11)."""
        return self.delete_file.lower() not in ("none", "false")

    def directory_under(self, data_dir: Path) -> Path:
        """Where the contents lie; a relative path is meant from `data_dir`."""
        return data_dir / self.directory


@dataclass(frozen=True, slots=True)
class CometdSettings:
    """[cometd]. Cookie switches are `auto`, `true`, `false`; SameSite `auto`, `None`, `Lax`, `Strict`."""

    timeout_ms: int
    interval_ms: int
    max_interval_ms: int
    max_sessions_per_browser: int
    multi_session_interval_ms: int
    max_message_size_bytes: int
    ws_max_message_size_bytes: int
    max_queue_events: int
    max_queue_bytes: int
    broadcast_channels: tuple[str, ...]
    callback_polling: bool
    unknown_session_text: str
    duplicate_meta_connect_status: int
    browser_cookie_name: str
    browser_cookie_same_site: str
    browser_cookie_secure: str
    browser_cookie_partitioned: str


@dataclass(frozen=True, slots=True)
class AgentsSettings:
    """[agents]: duty, offers, loss, console logins."""

    capacity: int
    offer_timeout_s: float
    not_ready_on_no_answer: bool
    lost_after_s: float
    requeue_on_loss: bool
    login_idle_timeout_s: float
    login_lifetime_s: float
    login_attempts_per_minute: int


@dataclass(frozen=True, slots=True)
class LimitsSettings:
    """[limits]. `enabled` governs rates and the address cap, not the deadlines. 0 connections = no cap."""

    enabled: bool
    header_timeout_s: float
    body_timeout_s: float
    write_timeout_s: float
    max_connections_per_address: int
    requests_per_second: int
    requests_burst: int
    chats_per_minute: int
    handshakes_per_minute: int
    typing_per_second: int
    agent_requests_per_second: int
    bad_keys_per_minute: int
    bad_keys_per_chat_hour: int


def build_view(cls: type[View], section: str, get: Callable[[str, str], Any]) -> View:
    """An instance of a view class from the values that `get(section, name)` returns."""
    wanted = {item.name for item in fields(cls)}  # type: ignore[arg-type]
    options = options_of(base_section(section) or section)
    return cls(**{option.attr: get(section, option.name) for option in options if option.attr in wanted})
