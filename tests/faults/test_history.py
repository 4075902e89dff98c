"""The history checker itself: it accepts what is right and refuses every mutation of it."""

# ruff: noqa: SIM300 - the house order is expected == actual

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from support.history import Entry, Operation, Result, seen, violations

ROUNDS = 200
TYPING = frozenset({4, 9})

History = tuple[list[Operation], list[Entry], dict[str, list[Entry]]]


def right(rng: random.Random) -> History:
    """Four writers, overlapping operations, some without an answer; observers that joined at random."""
    operations, final, now, index = [], [Entry(1, "ParticipantJoined")], 0, 2
    for number in range(rng.randint(12, 30)):
        result = rng.choice((Result.OK, Result.OK, Result.OK, Result.UNKNOWN, Result.FAIL))
        stored = result is Result.OK or (result is Result.UNKNOWN and rng.random() < 0.5)
        commit = now + rng.randint(1, 10)
        operations.append(
            Operation(f"w{number % 4}", f"m{number}", now - rng.randint(0, 30), commit + 3, result)
        )
        now = commit
        if stored:
            index += index in TYPING
            final.append(Entry(index, "Message", f"m{number}"))
            index += 1
    joined = rng.randrange(len(final) // 2)
    return operations, final, {"all": list(final), "late": final[joined:]}


def inner(rng: random.Random, entries: list[Entry]) -> int:
    """A place that has neighbours on both sides."""
    return rng.randrange(1, len(entries) - 1)


def lose(rng: random.Random, history: History) -> None:
    """An acknowledged message is gone and the ones behind it moved up."""
    operations, final, observers = history
    acked = {operation.key for operation in operations if operation.result is Result.OK}
    key = rng.choice([entry.key for entry in final if entry.key in acked])
    kept = [entry for entry in final if entry.key != key]
    indexes = [entry.index for entry in final]
    final[:] = [replace(entry, index=index) for entry, index in zip(kept, indexes, strict=False)]
    observers.clear()


def invent(rng: random.Random, history: History) -> None:
    """A message that nobody sent stands at the end."""
    history[1].append(Entry(history[1][-1].index + 1, "Message", "nobody"))


def double(rng: random.Random, history: History) -> None:
    """A message is stored a second time."""
    keys = [entry.key for entry in history[1] if entry.key]
    history[1].append(Entry(history[1][-1].index + 1, "Message", rng.choice(keys)))


def swap(rng: random.Random, history: History) -> None:
    """Two messages changed places after they had been shown."""
    final = history[1]
    first = inner(rng, final[:-1])
    one, two = final[first], final[first + 1]
    final[first], final[first + 1] = replace(one, key=two.key), replace(two, key=one.key)


def gap(rng: random.Random, history: History) -> None:
    """An index is left out."""
    final = history[1]
    start = inner(rng, final)
    final[start:] = [replace(entry, index=entry.index + 100) for entry in final[start:]]
    history[2].clear()


def refuse(rng: random.Random, history: History) -> None:
    """A stored message had been refused."""
    operations, final, _ = history
    stored = {entry.key for entry in final}
    place = rng.choice([n for n, operation in enumerate(operations) if operation.key in stored])
    operations[place] = replace(operations[place], result=Result.FAIL)


def overtake(rng: random.Random, history: History) -> None:
    """A message was sent only after one that stands behind it had been acknowledged."""
    operations, final, _ = history
    by_key = {operation.key: place for place, operation in enumerate(operations)}
    keys = [entry.key for entry in final if entry.key]
    later = rng.choice([key for key in keys[1:] if operations[by_key[key]].result is Result.OK])
    place = by_key[keys[0]]
    end = operations[by_key[later]].end_ns
    operations[place] = replace(operations[place], invoke_ns=end + 1, end_ns=end + 2)


def miss(rng: random.Random, history: History) -> None:
    """An observer was not shown one event."""
    entries = history[2]["all"]
    del entries[inner(rng, entries)]


def show_twice(rng: random.Random, history: History) -> None:
    """An observer was shown one event twice."""
    entries = history[2]["all"]
    place = inner(rng, entries)
    entries.insert(place, entries[place])


def show_swapped(rng: random.Random, history: History) -> None:
    """An observer was shown two events in the wrong order."""
    entries = history[2]["all"]
    place = inner(rng, entries[:-1])
    entries[place], entries[place + 1] = entries[place + 1], entries[place]


def show_phantom(rng: random.Random, history: History) -> None:
    """An observer was shown an event that is not stored, at the beginning, in the middle or at the end."""
    entries = history[2]["all"]
    phantom = Entry(rng.choice(entries).index, "Message", "nobody")
    entries.insert(rng.choice((0, inner(rng, entries), len(entries))), phantom)


MUTATIONS = (
    *(lose, invent, double, swap, gap, refuse, overtake),
    *(miss, show_twice, show_swapped, show_phantom),
)


def test_right_histories_are_accepted():
    """Overlapping operations, lost answers, typing gaps and late observers are no violations."""
    for seed in range(ROUNDS):
        operations, final, observers = right(random.Random(seed))
        assert [] == violations(operations, final, observers, typing=TYPING), seed


@pytest.mark.parametrize("mutate", MUTATIONS)
def test_mutated_histories_are_refused(mutate: Callable[[random.Random, History], None]):
    """Every single mutation of every history is found."""
    missed = []
    for seed in range(ROUNDS):
        rng = random.Random(seed)
        operations, final, observers = right(rng)
        mutate(rng, (operations, final, observers))
        if not violations(operations, final, observers, typing=TYPING):
            missed.append(seed)

    assert [] == missed


def test_nothing_may_follow_the_end():
    """An event behind the one that ended the chat is a violation."""
    final = [Entry(1, "ParticipantJoined"), Entry(2, "ParticipantLeft"), Entry(3, "Message", "late")]
    operations = [Operation("w", "late", 0, 1, Result.OK)]

    assert [] == violations(operations, final, {})
    assert 1 == len(violations(operations, final, {}, closed_at=2))


def test_repetition_is_no_violation_but_a_late_event_is():
    """A client drops an index it knows and every typing event; an event that comes too late stays visible."""

    def event(index: int, kind: str = "Message") -> dict[str, object]:
        return {"index": index, "type": kind, "text": f"m{index}"}

    shown = seen([event(1), event(2), event(2), event(3, "TypingStarted"), event(5), event(4)])

    assert [1, 2, 5, 4] == [entry.index for entry in shown]
