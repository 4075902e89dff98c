"""The history checker (targets/reliability.md 3.3): was anything lost, invented, doubled or reordered?

Clients note each attempt in a `Recorder`; observers collect what they were shown. `violations` compares both
with the final transcript. One sequencer per chat exists, so this needs no search, only sorting: O(n log n).

A history concerns one chat. A *key* is the text of a message, unique per attempt.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

TYPING = frozenset({"TypingStarted", "TypingStopped"})


class Result(StrEnum):
    """What the author of an operation knows about it."""

    OK = "ok"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Operation:
    """One attempt to add the message `key`; times are of one monotonic clock."""

    client: str
    key: str
    invoke_ns: int
    end_ns: int
    result: Result


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a transcript; `key` is the text of a message and empty for other types."""

    index: int
    type: str
    key: str = ""

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Entry:
        """From an event as it is on the wire."""
        text = event["text"] if event["type"] == "Message" else ""
        return cls(event["index"], event["type"], text)


class Recorder:
    """Notes operations; safe to share between threads."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._lock = threading.Lock()  # guards acked: appending alone is atomic
        self.acked = 0

    def attempt(self, client: str, key: str, action: Callable[[], bool]) -> Result:
        """Run `action` (True: acknowledged, False: refused); a broken connection leaves it unknown."""
        invoke_ns = time.monotonic_ns()
        try:
            result = Result.OK if action() else Result.FAIL
        except (OSError, ValueError):  # the answer never came, or was cut
            result = Result.UNKNOWN
        self.operations.append(Operation(client, key, invoke_ns, time.monotonic_ns(), result))
        if result is Result.OK:
            with self._lock:
                self.acked += 1
        return result

    def save(self, path: Path) -> None:
        """JSON lines, kept as evidence."""
        path.write_text("".join(json.dumps(asdict(item)) + "\n" for item in self.operations))


def seen(events: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """What a client shows: events in order of arrival, each index once (repetition is legal), no typing."""
    known: set[int] = set()
    entries = []
    for event in events:
        if event["index"] not in known and event["type"] not in TYPING:
            entries.append(Entry.of(event))
        known.add(event["index"])
    return entries


def violations(
    operations: Sequence[Operation],
    final: Sequence[Entry],
    observers: Mapping[str, Sequence[Entry]],
    *,
    typing: Collection[int] = (),
    closed_at: int | None = None,
) -> list[str]:
    """Every broken promise, in words; empty when all were kept.

    `final` is the stored transcript in its order, `typing` the indexes that typing events took, `closed_at`
    the index of the event that ended the chat.
    """
    return [
        *_sets(operations, final),
        *_numbering(final, typing),
        *_real_time(operations, final),
        *_runs(final, observers),
        *(f"after the end: {entry}" for entry in final if closed_at is not None and entry.index > closed_at),
    ]


def _sets(operations: Sequence[Operation], final: Sequence[Entry]) -> Iterator[str]:
    """Acknowledged messages are there, refused and never attempted ones are not, none is there twice."""
    stored = Counter(entry.key for entry in final if entry.key)
    attempted = {operation.key: operation.result for operation in operations}
    for key, result in attempted.items():
        if result is Result.OK and key not in stored:
            yield f"lost: {key} was acknowledged"
        if result is Result.FAIL and key in stored:
            yield f"stored although refused: {key}"
    for key, count in stored.items():
        if key not in attempted:
            yield f"phantom: nobody sent {key}"
        if count > 1:
            yield f"doubled: {key} is there {count} times"


def _numbering(final: Sequence[Entry], typing: Collection[int]) -> Iterator[str]:
    """Indexes ascend from 1 without gaps other than those of typing events."""
    expected = 1
    for entry in final:
        while expected in typing and expected < entry.index:
            expected += 1
        if entry.index != expected:
            yield f"numbering: index {entry.index} where {expected} belongs"
        expected = entry.index + 1


def _real_time(operations: Sequence[Operation], final: Sequence[Entry]) -> Iterator[str]:
    """What was acknowledged before another was sent stands before it."""
    by_key = {operation.key: operation for operation in operations}
    latest: Operation | None = None  # of those further up: the one that began last
    for entry in final:
        operation = by_key.get(entry.key)
        if operation is None:
            continue
        if operation.result is Result.OK and latest is not None and operation.end_ns < latest.invoke_ns:
            yield f"order: {latest.key} was sent after {operation.key} was acknowledged, but stands before it"
        if latest is None or operation.invoke_ns > latest.invoke_ns:
            latest = operation


def _runs(final: Sequence[Entry], observers: Mapping[str, Sequence[Entry]]) -> Iterator[str]:
    """Every observer saw a contiguous run of the final transcript."""
    place = {entry: number for number, entry in enumerate(final)}
    for name, entries in observers.items():
        if not entries:
            continue
        start = place.get(entries[0], 0)
        for shown, stored in zip(entries, final[start:], strict=False):
            if shown != stored:
                yield f"observer {name}: saw {shown} where {stored} is stored"
                break
        if len(entries) > len(final) - start:
            yield f"observer {name}: saw {len(entries)} events, only {len(final) - start} are stored"
