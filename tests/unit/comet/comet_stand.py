"""The comet side of real parts over the chat tests' `Engine`; tests decide about time, order and failures.

`Poller` speaks through the exchange as the polling transports do, `Socket` through a real `Connection` over a
socketpair whose frames the test feeds by hand. Nothing runs in the background, so every order is forced.
"""

from __future__ import annotations

import itertools
import socket
from typing import Any

import orjson
from unit.chat.engine import SERVICE, Engine

from gateway.bayeux import Machine, Peer, Session
from gateway.bayeux.options import LONG_POLLING, WEBSOCKET
from gateway.comet.agent_feed import AgentFeed
from gateway.comet.exchange import Exchange, Result
from gateway.comet.hub import Hub
from gateway.comet.long_poll import Polling
from gateway.comet.policy import GatewayPolicy
from gateway.comet.resume import Resume
from gateway.comet.service import ChatService
from gateway.comet.sweeper import Sweeper
from gateway.comet.websocket import Connection
from gateway.rates import Rates
from gateway.services import bayeux_options

CHANNEL = f"/service/chatV2/{SERVICE}"
NAMES = {"firstName": "Ann", "lastName": "Lee"}
Messages = list[dict[str, Any]]


class Stand:
    """Everything of `gateway.comet` over one engine; `restart` forgets what lived in memory."""

    def __init__(self, ini: str = "") -> None:
        self.engine = Engine(ini)
        self.build()

    def build(self) -> None:
        engine = self.engine
        settings = {"settings_source": engine.settings}
        metrics = engine.metrics
        options, policy = bayeux_options(engine.settings.current), GatewayPolicy(engine.settings)
        self.machine = Machine(options, policy, new_id=engine.ids.alphanumeric)
        self.hub = Hub(
            self.machine,
            engine.store,
            presence=engine.presence,
            retrievals=engine.retrievals,
            clock=engine.clock,
            metrics=metrics,
            **settings,
        )
        self.resume = Resume(
            self.machine, self.hub, engine.store, sessions=engine.store, clock=engine.clock, **settings
        )
        self.feed = AgentFeed(self.hub)
        # Rates are off unless a test is about them: the manual clock stands still.
        limited = "[limits]" in engine._ini
        self.rates = Rates(engine.settings, engine.clock, metrics) if limited else None
        self.service = ChatService(engine.customers, self.hub, engine.settings, rates=self.rates)
        self.exchange = Exchange(
            self.machine,
            self.hub,
            self.service,
            resume=self.resume,
            accounts=engine.accounts,
            clock=engine.clock,
            metrics=metrics,
            on_agent=self.feed.opened,
            rates=self.rates,
        )
        self.polling = Polling(self.exchange, self.hub, metrics=metrics, **settings)
        self.sweeper = Sweeper(self.hub, self.resume, clock=engine.clock, metrics=metrics)
        engine.bus.subscribe(self.hub.publish)
        engine.bus.subscribe(self.feed.publish)

    def restart(self) -> None:
        """A new process over the same store."""
        self.resume.save()
        self.engine.bus._observers = ()
        self.engine.build()
        self.build()

    def tick(self, seconds: float) -> None:
        """Let time pass and the sweeper run, often enough that it also saves."""
        self.engine.clock.advance(seconds)
        for _ in range(5):
            self.sweeper.tick()


class Client:
    """What both transports share: message building and the chat operations."""

    def __init__(self, stand: Stand, peer: Peer) -> None:
        self.stand = stand
        self.peer = peer
        self.id = ""
        self.secure_key = ""
        self._numbers = itertools.count(1)

    def exchange(self, batch: Messages) -> Messages:
        raise NotImplementedError

    @property
    def session(self) -> Session:
        return self.stand.machine.sessions[self.id]

    def message(self, channel: str, **members: Any) -> dict[str, Any]:
        message = {"id": str(next(self._numbers)), "channel": channel, **members}
        return {**message, "clientId": self.id} if self.id else message

    def send(self, channel: str, **members: Any) -> Messages:
        """One message; everything that comes back with it."""
        return self.exchange([self.message(channel, **members)])

    def handshake(self, **ext: Any) -> dict[str, Any]:
        members = {"ext": ext} if ext else {}
        self.id = ""
        (reply,) = self.send("/meta/handshake", version="1.0", **members)
        self.id = reply.get("clientId", "")
        return reply

    def operation(self, name: str, channel: str = CHANNEL, **data: Any) -> Messages:
        """Publish an operation; the ack and what came with it."""
        key = {"secureKey": self.secure_key} if self.secure_key else {}
        return self.send(channel, data={"operation": name, **key, **data})

    def request_chat(self, **data: Any) -> dict[str, Any]:
        """Start a chat and remember its key; the first notification's data."""
        messages = self.operation("requestChat", **NAMES, **data)
        answer = next(message["data"] for message in messages if "data" in message)
        self.secure_key = answer["secureKey"]
        return answer

    @property
    def chat_id(self) -> str:
        return self.stand.engine.customers.by_key(self.secure_key).session.id


class Poller(Client):
    """A long-polling client. `browser` is the fingerprint of the cookie that it presents."""

    def __init__(self, stand: Stand, *, browser: str | None = None, origin: str = "") -> None:
        super().__init__(stand, Peer(LONG_POLLING, browser=browser, origin=origin))

    def begin(self, batch: Messages) -> Result:
        """Process a batch; its answer is not written yet."""
        return self.stand.exchange.process(batch, self.peer)

    def end(self, result: Result, *, written: bool = True) -> Messages:
        """What the transport does then: wake from the wait (which is over), write or fail."""
        if result.parked is not None:
            result.parked.seconds = 0
            self.stand.polling._wait(result.parked, result, {})
        messages = [orjson.loads(message) for message in result.messages]
        (self.stand.exchange.written if written else self.stand.exchange.failed)(result)
        return messages if written else []

    def exchange(self, batch: Messages) -> Messages:
        return self.end(self.begin(batch))

    def park(self, **members: Any) -> Result:
        """Hold a connect; nothing may be due."""
        if self.session.connects == 0:
            self.connect()
        result = self.begin([self.message("/meta/connect", **members)])
        assert result.parked is not None
        return result

    def connect(self, **members: Any) -> Messages:
        """A connect that is answered without waiting."""
        return self.send("/meta/connect", advice={"timeout": 0}, **members)


class Socket(Client):
    """A websocket client over a socketpair."""

    def __init__(self, stand: Stand, *, origin: str = "", send_buffer: int = 1 << 20) -> None:
        super().__init__(stand, Peer(WEBSOCKET, origin=origin))
        mine, self.wire = socket.socketpair()
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        self.wire.setblocking(False)
        self._bytes = b""
        self.connection = Connection(
            mine,
            self.peer,
            exchange=stand.exchange,
            hub=stand.hub,
            settings=stand.engine.settings.current.cometd,
            metrics=stand.engine.metrics,
        )

    def exchange(self, batch: Messages) -> Messages:
        self.connection._message(orjson.dumps(batch))
        return self.received()

    def received(self) -> Messages:
        """All messages that have arrived since the last call."""
        return [message for batch in self.frames() for message in batch]

    def frames(self) -> list[Messages]:
        """The text frames that have arrived, decoded."""
        try:
            while data := self.wire.recv(1 << 20):
                self._bytes += data
        except BlockingIOError:
            pass
        found, self._bytes = split_frames(self._bytes)
        return [orjson.loads(payload) for opcode, payload in found if opcode == 0x81]

    def die(self) -> None:
        """The connection breaks; what was on the way is lost."""
        self.connection._outbox.abort()
        self.connection._release()

    @property
    def is_open(self) -> bool:
        return self.connection._outbox.open


def split_frames(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Whole unmasked frames as (first byte, payload), and the rest."""
    found = []
    while len(data) >= 2:
        size, head = data[1], 2
        if size >= 126:
            head += 2 if size == 126 else 8
            size = int.from_bytes(data[2:head], "big")
        if len(data) < head + size:
            break
        found.append((data[0], data[head : head + size]))
        data = data[head + size :]
    return found, data


def events(messages: Messages) -> list[tuple[int, str]]:
    """(index, type) of every event in the notifications among the messages, in order of arrival."""
    return [
        (event["index"], event["type"])
        for message in messages
        if "data" in message
        for event in message["data"]["messages"]
    ]


def texts(messages: Messages) -> list[str]:
    """The texts of the Message events, in order of arrival."""
    return [
        event["text"]
        for message in messages
        if "data" in message
        for event in message["data"]["messages"]
        if event["type"] == "Message"
    ]
