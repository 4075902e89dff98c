"""`Settings`: one immutable snapshot of everything that is configured.

A snapshot is complete and consistent (the checks have passed), so a request that keeps the one it started
with never sees a mix of old and new. Nothing is computed on the hot path: views and services are built with
the snapshot, and a service name that came from a client is only looked up, never stored. `SettingsSource`
replaces snapshots whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from gateway.config import checks, views
from gateway.config.loader import Assigned, Loaded, load
from gateway.config.registry import (
    OPTIONS,
    PROVIDER_PREFIX,
    SERVICE_PREFIX,
    Option,
    base_section,
    lookup,
    options_of,
    section_chain,
)
from gateway.config.views import ServiceSettings, build_view

PENDING_CAPABLE = tuple(option for option in OPTIONS if option.takes_effect == "after restart")


@dataclass(frozen=True, slots=True)
class Item:
    """One effective value for listings. `name` differs from the card's only for `<Name>` options."""

    section: str
    name: str
    value: Any
    origin: str
    option: Option


class Settings:
    """A snapshot; make one with `from_text`, `defaults`, or through `SettingsSource`."""

    def __init__(self, loaded: Loaded) -> None:
        """Build and check the snapshot; ConfigError when options contradict each other."""
        self._loaded = loaded
        profile = loaded.assigned.get(("server", "profile"))
        self._profile: str = profile.value if profile else _card("server", "profile").default
        self.server = build_view(views.ServerSettings, "server", self.get)
        self.store = build_view(views.StoreSettings, "store", self.get)
        self.cluster = build_view(views.ClusterSettings, "cluster", self.get)
        self.log = build_view(views.LogSettings, "log", self.get)
        self.demo = build_view(views.DemoSettings, "demo", self.get)
        self.chat = build_view(views.ChatSettings, "chat", self.get)
        self.push = build_view(views.PushSettings, "push", self.get)
        self.flex = build_view(views.FlexSettings, "settings", self.get)
        self.inactivity = build_view(views.InactivitySettings, "inactivity-control", self.get)
        self.files = build_view(views.FileSettings, "client-file-transfer", self.get)
        self.cometd = build_view(views.CometdSettings, "cometd", self.get)
        self.agents = build_view(views.AgentsSettings, "agents", self.get)
        self.limits = build_view(views.LimitsSettings, "limits", self.get)
        self._any_service = self._service("chat")
        self._services = {name: self._service(SERVICE_PREFIX + name) for name in self._named(SERVICE_PREFIX)}
        self._providers = {
            name: self._provider(PROVIDER_PREFIX + name) for name in self._named(PROVIDER_PREFIX)
        }
        self._default_provider = self._provider("push")
        checks.refuse_contradictions(self)
        self.warnings: tuple[str, ...] = (*loaded.warnings, *checks.doubts(self))

        self._sealed = True

    def __setattr__(self, name: str, value: object) -> None:
        if "_sealed" in self.__dict__:
            raise AttributeError("settings are immutable; load new ones")
        super().__setattr__(name, value)

    @classmethod
    def defaults(cls) -> Settings:
        """What an installation without any configuration runs with."""
        return cls.from_text("")

    @classmethod
    def from_text(
        cls, ini_text: str, environ: Mapping[str, str] | None = None, *, source: str = "config"
    ) -> Settings:
        """A snapshot of ini text and environment variables; ConfigError as in `loader.load`."""
        return cls(load(ini_text, environ or {}, source=source))

    def get(self, section: str, name: str) -> Any:
        """The effective value; KeyError: no such option.

        `section` may be `chat.<service>` or `push.provider.<name>`.
        """
        return self._resolve(section, name).value

    def origin(self, section: str, name: str) -> str:
        """Where the effective value comes from: `default`, `file:line` or `env NAME`."""
        return self._resolve(section, name).origin

    def known_service(self, service: str) -> bool:
        """Whether `[chat.<service>]` exists."""
        return service in self._services

    def for_service(self, service: str) -> ServiceSettings:
        """The values of a service; one without own section has those of [chat]."""
        return self._services.get(service, self._any_service)

    def services(self) -> Iterator[ServiceSettings]:
        """The values of every service that has a section, and those of all others."""
        yield self._any_service
        yield from self._services.values()

    def provider(self, name: str = "") -> Mapping[str, Any] | None:
        """The destination options of a push provider by option name (spec/push.md 2.4), or None when it is
        unknown.

        An empty name means [push] itself. Absent URLs are None; headers appear as `customhttp.header.<name>`.
        """
        return self._providers.get(name) if name else self._default_provider

    def providers(self) -> tuple[str, ...]:
        """The names of the configured providers."""
        return tuple(self._providers)

    def items(self) -> Iterator[Item]:
        """Every option with its effective value, then what services, providers and headers set."""
        for option in OPTIONS:
            if option.prefix is None:
                effective = self._resolve(option.section, option.name)
                yield Item(option.section, option.name, effective.value, effective.origin, option)
        for (section, name), assigned in self._loaded.assigned.items():
            option = _card(section, name)
            if option.prefix or section != option.section:
                yield Item(section, name, assigned.value, assigned.origin, option)

    @property
    def sections(self) -> tuple[str, ...]:
        """Sections that are written in the file or made by the environment."""
        return self._loaded.sections

    def holding(self, running: Settings) -> tuple[Settings, tuple[Option, ...]]:
        """This snapshot with the running values of "after restart" options, and the options that differ."""
        pending = tuple(
            option
            for option in PENDING_CAPABLE
            if self.get(option.section, option.name) != running.get(option.section, option.name)
        )
        if not pending:
            return self, ()
        assigned = dict(self._loaded.assigned)
        for option in pending:
            key = (option.section, option.name)
            assigned[key] = running._resolve(*key)
        return Settings(replace(self._loaded, assigned=MappingProxyType(assigned))), pending

    def _resolve(self, section: str, name: str) -> Assigned:
        for holder in section_chain(section):
            if assigned := self._loaded.assigned.get((holder, name)):
                return assigned
        return Assigned(_card(section, name).default_for(self._profile), "default")

    def _named(self, prefix: str) -> Iterator[str]:
        return (name.removeprefix(prefix) for name in self._loaded.sections if name.startswith(prefix))

    def _service(self, section: str) -> ServiceSettings:
        view = build_view(ServiceSettings, section, self.get)
        return view if view.endpoint else replace(view, endpoint=self.chat.default_chat_endpoint)

    def _provider(self, section: str) -> Mapping[str, Any]:
        cards = [option for option in options_of("push") if option.per_provider]
        resolved = {option.name: self.get(section, option.name) for option in cards if option.prefix is None}
        for holder in reversed(section_chain(section)):
            for (owner, name), assigned in self._loaded.assigned.items():
                if owner == holder and _card(owner, name).prefix:
                    resolved[name] = assigned.value
        return MappingProxyType(resolved)


def _card(section: str, name: str) -> Option:
    option = lookup(section, name)
    if option is None:
        raise KeyError(f"[{base_section(section) or section}] {name}")
    return option
