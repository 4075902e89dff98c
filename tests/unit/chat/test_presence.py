"""What a node remembers of its customers."""

from __future__ import annotations

from gateway.chat.presence import Presence
from gateway.clock import ManualClock


def test_a_chat_counts_as_touched_at_start():
    """After a restart nobody is quiet for longer than the process runs; comet's longer timeout applies."""
    clock = ManualClock()
    presence = Presence(clock)
    started = clock.monotonic()
    clock.advance(10)
    assert (started, False, True) == (
        presence.quiet_since("chat"),
        presence.is_live("chat"),
        presence.uses_comet("chat"),
    )


def test_attachments_are_counted():
    """Live while one is attached; the timer runs from the last detachment; surplus ones are ignored."""
    clock = ManualClock()
    presence = Presence(clock)
    presence.touch("chat")
    assert not presence.uses_comet("chat")
    presence.attached("chat")
    presence.attached("chat")
    presence.detached("chat")
    assert (presence.is_live("chat"), presence.quiet_since("chat")) == (True, None)
    clock.advance(5)
    presence.detached("chat")
    presence.detached("chat")
    assert (False, clock.monotonic(), True) == (
        presence.is_live("chat"),
        presence.quiet_since("chat"),
        presence.uses_comet("chat"),
    )


def test_forgetting():
    """A forgotten chat leaves nothing behind, and detaching it afterwards is harmless."""
    presence = Presence(ManualClock())
    presence.attached("chat")
    presence.forget("chat")
    presence.detached("chat")
    assert not presence.is_live("chat")
