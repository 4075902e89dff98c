"""The object graph of one node: the only file that names concrete backends.

`Gateway.build` makes everything, `start` sets the background threads going, `drain` is the graceful stop (the
worker class calls it), `close` lets go of the files. Who needs what is passed in by constructor; there is no
registry and nothing global.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from gateway.background import Background, attempt
from gateway.bayeux import Machine, Session
from gateway.bayeux import Options as BayeuxOptions
from gateway.bayeux.options import CALLBACK_POLLING
from gateway.chat.accounts import Accounts
from gateway.chat.agent_files import AgentFiles
from gateway.chat.agents import Agents
from gateway.chat.archive import Archive
from gateway.chat.customers import Customers
from gateway.chat.desk import Desk
from gateway.chat.directory import Directory
from gateway.chat.duty import Roster
from gateway.chat.file_scans import FileScans
from gateway.chat.files import Files
from gateway.chat.handover import Handover
from gateway.chat.history import History
from gateway.chat.idle_control import IdleControl
from gateway.chat.ledger import Ledger
from gateway.chat.logins import Logins
from gateway.chat.notebook import Notebook
from gateway.chat.presence import Presence
from gateway.chat.reliable import Reliable
from gateway.chat.retrieval import Retrievals
from gateway.chat.timeouts import Timeouts
from gateway.clock import Clock, SystemClock
from gateway.cluster.bus import Bus
from gateway.comet.agent_feed import AgentFeed
from gateway.comet.census import Census
from gateway.comet.exchange import Exchange
from gateway.comet.hub import Hub
from gateway.comet.long_poll import Polling
from gateway.comet.policy import GatewayPolicy
from gateway.comet.resume import Resume
from gateway.comet.service import ChatService
from gateway.comet.side_notes import SideNotes
from gateway.comet.sweeper import Sweeper
from gateway.comet.websocket import WebSockets
from gateway.config import Settings, SettingsSource
from gateway.config.source import report, watch
from gateway.errors import GatewayError, Unavailable
from gateway.files.directory import FileDirectory
from gateway.ids import Ids, KeyRing, installation_secret
from gateway.observe.metrics import Metrics
from gateway.push import owner
from gateway.push.destination import signing_keys
from gateway.push.inspection import Inspection
from gateway.push.resend import Resender
from gateway.push.retention import Retention
from gateway.push.signing import installation_key
from gateway.push.trial import Trials
from gateway.push.worker import PushWorker
from gateway.rates import Rates
from gateway.routing.policy import prefix
from gateway.store.roles import Store
from gateway.store.sqlite import SqliteStore

# Once a second, as the timeouts that it serves are configured in seconds.
TIMEOUT_SWEEP_S = 1.0
# How soon what was said can be searched, and the turn of the messages between two transactions of the index.
ARCHIVE_SWEEP_S = 5.0
ARCHIVE_PAUSE_S = 0.02

# Offers end in seconds; what happens meanwhile wakes the desk.
DESK_SWEEP_S = 0.5
DESK_BREATH_S = 0.05
# A revocation reaches live sessions within a second, so look a little more often.
CREDENTIALS_SWEEP_S = 0.5

log = structlog.get_logger(__name__)


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


class Gateway:
    """One node. Attributes are what the edges (api, comet) and the worker class need."""

    def __init__(
        self,
        settings: SettingsSource,
        store: Store,
        *,
        secret: bytes,
        push_key: str,
        file_directory: FileDirectory,
        clock: Clock,
        ids: Ids,
        metrics: Metrics,
    ) -> None:
        """`secret` derives the keys of chats, `push_key` (`whsec_...`) signs notifications."""
        self.settings = settings
        self.store = store
        self.clock = clock
        self.ids = ids
        self.metrics = metrics
        self.bus = Bus()
        self.node_id = owner.name(secrets.token_bytes)
        self.started_ms = clock.wall_ms()
        self._background = Background()
        self._draining = False
        self._drain_hooks: list[Callable[[], None]] = []
        keys = KeyRing(secret)
        self.rates = Rates(settings, clock, metrics)
        self._build_chat(keys)
        self._build_files(file_directory)
        self._build_comet()
        self._build_push(keys, push_key)
        metrics.chats_open.set_function(lambda: self.timeouts.open_chats)
        self.bus.subscribe(self.push.wake_for)

    @classmethod
    def build(cls, installation: Installation, *, clock: Clock | None = None) -> Gateway:
        """The node of an installation, not started yet. ConfigError or Unavailable when it cannot be."""
        metrics = Metrics()
        settings = installation.settings_source()
        return cls(
            settings,
            installation.open_store(settings.current, metrics),
            secret=installation_secret(installation.data_dir, installation.environ.get("GATEWAY_SECRET")),
            push_key=installation_key(installation.data_dir),
            file_directory=installation.open_files(settings.current),
            clock=clock or SystemClock(),
            ids=Ids(),
            metrics=metrics,
        )

    def _ended_ms(self, chat_id: str) -> int | None:
        session = self.store.session(chat_id)
        return session.profile.ended_ms if session else None

    def _build_chat(self, keys: KeyRing) -> None:
        shared = {"settings_source": self.settings, "clock": self.clock}
        self.presence = Presence(self.clock)
        self.retrievals = Retrievals(self.store)
        reliable = Reliable(self.store, self.retrievals, keys=keys, **shared)
        self.ledger = Ledger(
            self.store,
            self.bus,
            presence=self.presence,
            reliable=reliable,
            metrics=self.metrics,
            **shared,
        )
        self.customers = Customers(
            self.ledger,
            self.store,
            keys=keys,
            ids=self.ids,
            presence=self.presence,
            retrievals=self.retrievals,
            metrics=self.metrics,
            rates=self.rates,
            **shared,
        )
        self.agents = Agents(
            self.ledger, self.store, ids=self.ids, metrics=self.metrics, rates=self.rates, **shared
        )
        self._build_personnel()
        self.timeouts = Timeouts(self.ledger, self.store, bus=self.bus, presence=self.presence, **shared)
        self.idle = IdleControl(self.ledger, self.store, bus=self.bus, metrics=self.metrics, **shared)

    def _build_files(self, directory: FileDirectory) -> None:
        shared = {"settings_source": self.settings, "metrics": self.metrics}
        self.file_scans = FileScans(self.ledger, self.store, directory=directory, **shared)
        self.files = Files(
            self.ledger,
            self.store,
            directory=directory,
            scans=self.file_scans,
            ids=self.ids,
            clock=self.clock,
            **shared,
        )
        self.agent_files = AgentFiles(self.files, self.agents, self.store, **shared)
        self.archive = Archive(
            self.store,
            purge=self.files.purge,
            ledger=self.ledger,
            settings_source=self.settings,
            clock=self.clock,
        )
        self.history = History(self.agents, self.archive)
        self.metrics.file_bytes.set_function(lambda: directory.used_bytes)

    def _build_personnel(self) -> None:
        shared = {"settings_source": self.settings, "clock": self.clock}
        self.logins = Logins(self.store, self.ids, **shared)
        self.accounts = Accounts(self.store, self.ids, self.clock, logins=self.logins, rates=self.rates)
        self.directory = Directory(self.store, self.logins, self.clock)
        self.roster = Roster(self.store, **shared)
        self.desk = Desk(self.ledger, self.store, self.agents, roster=self.roster, **shared)
        self.handover = Handover(self.agents, is_person=self.roster.is_person, ids=self.ids, **shared)
        self.notebook = Notebook(self.agents, self.store, ids=self.ids, **shared)

    def _build_push(self, keys: KeyRing, push_key: str) -> None:
        self.push = PushWorker(
            self.store,
            self.settings,
            self.clock,
            self.metrics,
            self.node_id,
            installation_key=push_key,
            confirmed=lambda delivery: self.hub.confirmed_index(delivery.chat_id) >= delivery.position,
            ended_ms=self._ended_ms,
        )
        self.resender = Resender(
            self.store,
            self.settings,
            self.clock,
            self.metrics,
            keys=keys,
            wake=self.push.wake,
            settle=self.retrievals.settle_noted,
            forget=self.retrievals.forget,
            random=random.SystemRandom(),
        )
        self.inspection = Inspection(
            self.store,
            self.settings,
            self.clock,
            wake=self.push.wake,
            breathe=lambda: time.sleep(0),
            installation_key=push_key,
        )
        self.trials = Trials(self.settings, self.clock, self.ids, installation_key=push_key)
        self.retention = Retention(self.store, self.settings, self.clock, breathe=lambda: time.sleep(0))

    def _build_comet(self) -> None:
        shared = {"settings_source": self.settings, "metrics": self.metrics}
        machine = Machine(
            bayeux_options(self.settings.current),
            GatewayPolicy(self.settings),
            new_id=self.ids.alphanumeric,
        )
        self.hub = Hub(
            machine,
            self.store,
            presence=self.presence,
            retrievals=self.retrievals,
            clock=self.clock,
            **shared,
        )
        self.resume = Resume(
            machine,
            self.hub,
            self.store,
            sessions=self.store,
            settings_source=self.settings,
            clock=self.clock,
        )
        feed = self.feed = AgentFeed(self.hub)
        self.exchange = Exchange(
            machine,
            self.hub,
            ChatService(self.customers, self.hub, self.settings, rates=self.rates),
            resume=self.resume,
            accounts=self.accounts,
            clock=self.clock,
            metrics=self.metrics,
            on_agent=self._agent_opened,
            rates=self.rates,
        )
        self.census = Census(self.hub, self.clock)
        self.polling = Polling(self.exchange, self.hub, **shared)
        self.websockets = WebSockets(self.exchange, self.hub, metrics=self.metrics)
        self.sweeper = Sweeper(self.hub, self.resume, clock=self.clock, metrics=self.metrics)
        self.bus.subscribe(self.hub.publish)
        self.bus.subscribe(feed.publish)
        self.bus.subscribe(self.desk.publish)
        self.desk.on_notice(feed.tell)
        self.roster.connected = feed.connected
        self.side_notes = SideNotes(self.hub)
        self.desk.on_placed(self.side_notes.placed)
        self.desk.on_notice(self.side_notes.tell)

    def _agent_opened(self, session: Session) -> None:
        """An agent's live events are open, which is also a sign of life."""
        self.feed.opened(session)
        self.roster.touch(session.principal)

    # --- life -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the background work of the node."""
        report(self.settings.current)
        reloads = self.metrics.bound("config_reloads_total", "applied")
        self.settings.subscribe(lambda _old, _new: reloads.inc())
        background, stopped = self._background, self._background.stopped
        background.threads.append(watch(self.settings, stopped))
        background.run("comet-sweeper", lambda: self.sweeper.run(stopped))
        background.repeat("chat-timeouts", self._sweep_timeouts, every_s=TIMEOUT_SWEEP_S)
        background.run("push-retention", lambda: self.retention.run(stopped))
        background.repeat("archive", self._keep_archive, every_s=ARCHIVE_SWEEP_S)
        background.run("agent-desk", self._distribute)
        background.repeat("agent-credentials", self._drop_refused, every_s=CREDENTIALS_SWEEP_S)
        self.retrievals.load()
        background.run("files", lambda: self.file_scans.run(stopped))
        self.push.start()
        self.resender.start()

    def _sweep_timeouts(self) -> None:
        self.timeouts.sweep()
        self.idle.sweep()
        # An empty batch: it notices what another process wrote (a worker that is being replaced).
        self.store.flush()

    def _keep_archive(self) -> None:
        self.archive.sweep(lambda: self._background.stopped.wait(ARCHIVE_PAUSE_S))

    def _distribute(self) -> None:
        stopped = self._background.stopped
        while not stopped.is_set():
            attempt("agent-desk", self.desk.sweep)
            # A breath after each round: a crowd of changes is one round, not a round each.
            stopped.wait(DESK_BREATH_S)
            self.desk.pause(DESK_SWEEP_S)

    def _drop_refused(self) -> None:
        self.feed.drop_refused(self.accounts.still_good)

    def on_drain(self, hook: Callable[[], None]) -> None:
        """Call `hook` when the graceful stop begins."""
        self._drain_hooks.append(hook)

    @property
    def draining(self) -> bool:
        """Whether the graceful stop has begun (readiness turns negative)."""
        return self._draining

    def drain(self) -> None:
        """Graceful stop: cursors on disk, held polls answered, websockets closed with 1001, pushes finished.

        Requests that still arrive are served, but no connect is held any more. The store stays open.
        """
        if self._draining:
            return
        self._draining = True
        log.info("draining", sessions=len(self.hub.machine.sessions))
        for hook in self._drain_hooks:
            hook()
        try:
            self.resume.save()
            self.store.flush()
        except Unavailable as error:
            log.warning("comet_sessions_not_saved", reason=str(error))
        self.hub.stop_holding()
        self.websockets.close_all()
        self._background.stopped.set()
        self.resender.stop()
        self.push.stop()
        log.info("drained")

    def close(self) -> None:
        """End everything; used by tests and the command line."""
        self.drain()
        self.store.close()


def bayeux_options(settings: Settings) -> BayeuxOptions:
    """The `[cometd]` section as the engine's options."""
    cometd = settings.cometd
    types = BayeuxOptions().connection_types
    if not cometd.callback_polling:
        types = tuple(name for name in types if name != CALLBACK_POLLING)
    return BayeuxOptions(
        timeout_ms=cometd.timeout_ms,
        interval_ms=cometd.interval_ms,
        max_interval_ms=cometd.max_interval_ms,
        max_sessions_per_browser=cometd.max_sessions_per_browser,
        multi_session_interval_ms=cometd.multi_session_interval_ms,
        connection_types=types,
        unknown_client=cometd.unknown_session_text,
        max_queue=cometd.max_queue_events,
        max_queue_bytes=cometd.max_queue_bytes,
    )
