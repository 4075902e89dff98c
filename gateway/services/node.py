"""One node: its parts put together, its life and its end.

`Gateway.build` makes everything, `start` sets the background threads going, `drain` is the graceful stop (the
worker class calls it), `close` lets go of the files.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import structlog

from gateway.background import Background, attempt
from gateway.clock import Clock, SystemClock
from gateway.cluster.bus import Bus
from gateway.config import SettingsSource
from gateway.config.source import report, watch
from gateway.errors import Unavailable
from gateway.files.directory import FileDirectory
from gateway.ids import Ids, KeyRing, installation_secret
from gateway.observe.metrics import Metrics
from gateway.push import owner
from gateway.push.signing import installation_key
from gateway.rates import Rates
from gateway.services.basis import Basis
from gateway.services.chat import ChatPart
from gateway.services.comet import CometPart
from gateway.services.files import FilesPart
from gateway.services.installation import Installation
from gateway.services.personnel import PersonnelPart
from gateway.services.push import PushPart
from gateway.store.roles import Store

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
        self.rates = Rates(settings, clock, metrics)
        self.node_id = owner.name(secrets.token_bytes)
        self.started_ms = clock.wall_ms()
        self._background = Background()
        self._draining = False
        self._drain_hooks: list[Callable[[], None]] = []
        basis = Basis(settings, store, clock, ids, metrics, self.bus, self.rates, KeyRing(secret))
        self._show_chat(basis, file_directory)
        self._show_comet(basis)
        self._show_push(basis, push_key)

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

    def _show_chat(self, basis: Basis, file_directory: FileDirectory) -> None:
        chat = self._chat = ChatPart(basis)
        self.ledger, self.timeouts = chat.ledger, chat.timeouts
        self.customers, self.agents = chat.customers, chat.agents
        people = self._personnel = PersonnelPart(basis, chat)
        self.logins, self.accounts, self.directory = people.logins, people.accounts, people.directory
        self.roster, self.desk = people.roster, people.desk
        self.handover, self.notebook = people.handover, people.notebook
        kept = self._kept = FilesPart(basis, chat, file_directory)
        self.files, self.agent_files = kept.files, kept.agent_files
        self.archive, self.history = kept.archive, kept.history
        self.metrics.chats_open.set_function(lambda: chat.timeouts.open_chats)

    def _show_comet(self, basis: Basis) -> None:
        comet = self._comet = CometPart(basis, self._chat, self._personnel)
        self.hub, self.feed, self.exchange = comet.hub, comet.feed, comet.exchange
        self.polling, self.websockets, self.census = comet.polling, comet.websockets, comet.census

    def _show_push(self, basis: Basis, push_key: str) -> None:
        push = self._push = PushPart(basis, self._chat, self._comet, node_id=self.node_id, key=push_key)
        self.push, self.inspection, self.trials = push.worker, push.inspection, push.trials

    # --- life -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the background work of the node."""
        report(self.settings.current)
        reloads = self.metrics.bound("config_reloads_total", "applied")
        self.settings.subscribe(lambda _old, _new: reloads.inc())
        background, stopped = self._background, self._background.stopped
        background.threads.append(watch(self.settings, stopped))
        background.run("comet-sweeper", lambda: self._comet.sweeper.run(stopped))
        background.repeat("chat-timeouts", self._sweep_timeouts, every_s=TIMEOUT_SWEEP_S)
        background.run("push-retention", lambda: self._push.retention.run(stopped))
        background.repeat("archive", self._keep_archive, every_s=ARCHIVE_SWEEP_S)
        background.run("agent-desk", self._distribute)
        background.repeat("agent-credentials", self._drop_refused, every_s=CREDENTIALS_SWEEP_S)
        self._chat.retrievals.load()
        background.run("files", lambda: self._kept.scans.run(stopped))
        self.push.start()
        self._push.resender.start()

    def _sweep_timeouts(self) -> None:
        self.timeouts.sweep()
        self._chat.idle.sweep()
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
            self._comet.resume.save()
            self.store.flush()
        except Unavailable as error:
            log.warning("comet_sessions_not_saved", reason=str(error))
        self.hub.stop_holding()
        self.websockets.close_all()
        self._background.stopped.set()
        self._push.resender.stop()
        self.push.stop()
        log.info("drained")

    def close(self) -> None:
        """End everything; used by tests and the command line."""
        self.drain()
        self.store.close()
