"""The Bayeux side of a node: protocol engine, hub, transports, the agents' live events, the ways back."""

from __future__ import annotations

from gateway.bayeux import Machine, Session
from gateway.bayeux import Options as BayeuxOptions
from gateway.bayeux.options import CALLBACK_POLLING
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
from gateway.config import Settings
from gateway.services.basis import Basis
from gateway.services.chat import ChatPart
from gateway.services.personnel import PersonnelPart


class CometPart:
    """Made once by `node`; the attributes are for the other parts and the edges."""

    def __init__(self, basis: Basis, chat: ChatPart, personnel: PersonnelPart) -> None:
        self._roster = personnel.roster
        machine = Machine(
            bayeux_options(basis.settings.current),
            GatewayPolicy(basis.settings),
            new_id=basis.ids.alphanumeric,
        )
        hub = self.hub = Hub(
            machine,
            basis.store,
            presence=chat.presence,
            retrievals=chat.retrievals,
            metrics=basis.metrics,
            **basis.timed,
        )
        self.resume = Resume(machine, hub, basis.store, sessions=basis.store, **basis.timed)
        self.feed = AgentFeed(hub)
        self.exchange = Exchange(
            machine,
            hub,
            ChatService(chat.customers, hub, basis.settings, rates=basis.rates),
            resume=self.resume,
            accounts=personnel.accounts,
            clock=basis.clock,
            metrics=basis.metrics,
            on_agent=self._agent_opened,
            rates=basis.rates,
        )
        self._build_edges(basis)
        self._connect(basis, personnel)

    def _build_edges(self, basis: Basis) -> None:
        exchange, hub, metrics = self.exchange, self.hub, basis.metrics
        self.census = Census(hub, basis.clock)
        self.polling = Polling(exchange, hub, settings_source=basis.settings, metrics=metrics)
        self.websockets = WebSockets(exchange, hub, metrics=metrics)
        self.sweeper = Sweeper(hub, self.resume, clock=basis.clock, metrics=metrics)

    def _connect(self, basis: Basis, personnel: PersonnelPart) -> None:
        """Who hears of what: customers first, then agents, then the desk."""
        desk, side_notes = personnel.desk, SideNotes(self.hub)
        for listener in (self.hub.publish, self.feed.publish, desk.publish):
            basis.bus.subscribe(listener)
        personnel.roster.connected = self.feed.connected
        desk.on_notice(self.feed.tell)
        desk.on_placed(side_notes.placed)
        desk.on_notice(side_notes.tell)

    def _agent_opened(self, session: Session) -> None:
        """An agent's live events are open, which is also a sign of life."""
        self.feed.opened(session)
        self._roster.touch(session.principal)


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
