"""Any life of a client: losses, failed writes, sockets that die, other transports, restarts, crashes.

Two machines of the same rules. With the ack extension every event of the chat is shown, in order, and twice
only after a crash. Without it the client notices failures itself (replies lost in silence are left out), and
the same holds, with repetitions wherever a connection died.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from unit.chat.engine import ALICE
from unit.comet.comet_stand import Messages, Poller, Socket, Stand

from gateway.bayeux import Session

EXAMPLES, STEPS = 40, 25


class History(RuleBasedStateMachine):
    """One customer, one chat; `shown` are the indexes in the order of their arrival."""

    ack = True

    @initialize()
    def begin(self) -> None:
        self.stand = Stand()
        self.wire: Poller | Socket = Poller(self.stand)
        self.wire.handshake(ack=self.ack)
        self.batch = 0
        self.shown: list[int] = []
        self.excused = 0  # up to this index a loss of the connection excuses repetitions
        (ack, *rest) = self.wire.operation("requestChat", nickname="Ann")
        answer = next(
            message["data"] for message in [*rest, *self._took(self._connect())] if "data" in message
        )
        self.wire.secure_key = answer["secureKey"]
        self.shown = [1]
        self.stand.engine.agents.accept(ALICE, self.wire.chat_id)

    # --- the client -------------------------------------------------------------------------------------

    def _message(self) -> dict[str, Any]:
        ext = {"ext": {"ack": self.batch}} if self.ack else {}
        return self.wire.message("/meta/connect", advice={"timeout": 0}, **ext)

    def _connect(self) -> Messages:
        return self.wire.exchange([self._message()])

    def _took(self, messages: Messages) -> Messages:
        for message in messages:
            for event in message.get("data", {}).get("messages", []):
                if event["index"] in self.shown:
                    assert event["index"] <= self.excused, f"{event['index']} came twice"
                else:
                    assert event["index"] == max(self.shown, default=0) + 1, "lost or out of order"
                    self.shown.append(event["index"])
            if self.ack and "ext" in message:
                self.batch = message["ext"]["ack"]
        return messages

    def _excuse(self) -> None:
        self.excused = max(self.shown)

    def _reopen(self, kind: type[Poller] | type[Socket]) -> None:
        old, self.wire = self.wire, kind(self.stand)
        self.wire.id, self.wire.secure_key = old.id, old.secure_key

    @rule()
    def connect(self) -> None:
        self._took(self._connect())

    @rule(text=st.sampled_from("abc"))
    def agent_speaks(self, text: str) -> None:
        self.stand.engine.agents.send(ALICE, self.wire.chat_id, text)
        if isinstance(self.wire, Socket):
            self._took(self.wire.received())

    @rule()
    def customer_speaks(self) -> None:
        self._took(self.wire.operation("sendMessage", message="mine"))

    @precondition(lambda self: self.ack)
    @rule()
    def reply_is_lost(self) -> None:
        self._connect()

    @precondition(lambda self: isinstance(self.wire, Poller))
    @rule()
    def write_fails(self) -> None:
        self.wire.end(self.wire.begin([self._message()]), written=False)

    @precondition(lambda self: isinstance(self.wire, Poller))
    @rule()
    def overtaken_write_fails(self) -> None:
        first = self.wire.begin([self._message()])
        second = self.wire.begin([self._message()])
        self.wire.end(first, written=False)
        self._took(self.wire.end(second))

    @rule(kind=st.sampled_from([Poller, Socket]))
    def other_connection(self, kind: type[Poller] | type[Socket]) -> None:
        if not self.ack and isinstance(self.wire, Socket):
            self._excuse()
        self._reopen(kind)
        self.connect()

    @precondition(lambda self: isinstance(self.wire, Socket))
    @rule()
    def hold(self) -> None:
        message = self._message()
        del message["advice"]
        self._took(self.wire.exchange([message]))

    @precondition(lambda self: isinstance(self.wire, Socket))
    @rule(said=st.booleans())
    def socket_dies(self, said: bool) -> None:
        if said:  # into the dying socket
            self.stand.engine.agents.send(ALICE, self.wire.chat_id, "lost on the way")
        self.wire.die()
        if not self.ack:
            self._excuse()
        self._reopen(Socket)
        self.connect()

    @rule()
    def gateway_restarts(self) -> None:
        self.stand.restart()
        if not self.ack:
            self._excuse()
        self._reopen(type(self.wire))
        self.connect()

    @rule()
    def gateway_is_killed(self) -> None:
        self.stand.engine.bus._observers = ()
        self.stand.engine.build()
        self.stand.build()
        self._excuse()
        self._reopen(type(self.wire))
        self.connect()

    @rule(seconds=st.sampled_from([1, 40, 80]))
    def time_passes(self, seconds: int) -> None:
        if seconds == 80 and not self.ack:  # the session expires and comes back as it was stored
            self._excuse()
        self.stand.tick(seconds)
        if isinstance(self.wire, Socket) and not self.wire.is_open:
            self._reopen(Socket)
        self.connect()

    def teardown(self) -> None:
        if not hasattr(self, "shown"):
            return
        for _ in range(3):
            self.connect()
        events = self.stand.engine.agents.events(ALICE, self.wire.chat_id, 1)
        assert [event.index for event in events] == self.shown


class WithoutAck(History):
    """The same life without the extension."""

    ack = False


SETTINGS = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, derandomize=True)
History.TestCase.settings = WithoutAck.TestCase.settings = SETTINGS
TestWithAcknowledgements = History.TestCase
TestWithoutAcknowledgements = WithoutAck.TestCase


MECHANISMS = [
    (History, "undo", lambda *_: None),
    (History, "handed_out", lambda _: {}),
    (WithoutAck, "undo", lambda *_: None),
    (WithoutAck, "rewind_all", lambda _: None),
]


@pytest.mark.parametrize(("machine", "mechanism", "without"), MECHANISMS)
def test_negative_controls(monkeypatch: pytest.MonkeyPatch, machine: Any, mechanism: str, without: Any):
    """Each mechanism that protects the history is missed when it is gone."""
    monkeypatch.setattr(Session, mechanism, without)
    quick = settings(SETTINGS, max_examples=150, phases=[Phase.generate])
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=quick)
