"""Which waiting chat is offered to whom: a pure function (longest wait first, least busy agent first)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Queued:
    """A chat that waits. `order` sorts within its queue, the lowest first."""

    chat_id: str
    queue: str
    order: tuple[int, int, str]
    declined: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ready agent. `free`: how many chats it can still take, `idle_since_ms`: when it last got one.

    `endpoints`: the queues it serves, empty for all.
    """

    name: str
    free: int
    busy: int
    idle_since_ms: int
    endpoints: tuple[str, ...] = field(default=())

    def may_take(self, chat: Queued) -> bool:
        """Whether the chat may be offered to this agent."""
        if self.free <= 0 or self.name in chat.declined:
            return False
        return not self.endpoints or chat.queue in self.endpoints

    def taking(self) -> Candidate:
        """The agent with one chat more."""
        return replace(self, free=self.free - 1, busy=self.busy + 1)


def assign(waiting: Iterable[Queued], candidates: Iterable[Candidate]) -> list[tuple[str, str]]:
    """Pairs of chat id and agent name. The chat that waits longest chooses first: the agent with the fewest
    chats, of those the one that has been idle for longest."""
    agents = {agent.name: agent for agent in candidates}
    pairs = []
    for chat in sorted(waiting, key=lambda each: each.order):
        able = [agent for agent in agents.values() if agent.may_take(chat)]
        if not able:
            continue
        chosen = min(able, key=lambda agent: (agent.busy, agent.idle_since_ms, agent.name))
        agents[chosen.name] = chosen.taking()
        pairs.append((chat.chat_id, chosen.name))
    return pairs


def estimated_wait_s(position: int, departures_ms: Sequence[int]) -> int | None:
    """Seconds until this position is served, from the times at which chats of the queue were taken lately.

    None while there is nothing to estimate from: fewer than two departures.
    """
    if len(departures_ms) < 2:
        return None
    gap_ms = (departures_ms[-1] - departures_ms[0]) / (len(departures_ms) - 1)
    return round(position * gap_ms / 1000)
