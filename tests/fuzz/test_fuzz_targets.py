"""Every fuzz target over its corpus, its neighbours, and random bytes; a short form of the long runs."""

from __future__ import annotations

import random

import pytest
from fuzz import targets
from hypothesis import given, settings
from hypothesis import strategies as st

NEIGHBOURS = 300


@pytest.mark.parametrize("name", targets.TARGETS)
def test_corpus_and_neighbours(name: str) -> None:
    """What was found worth keeping, and small changes of it, breaks no decoder."""
    inputs, rng = targets.corpus(name), random.Random(name)
    assert inputs
    for data in [*inputs, *[targets.mutate(rng.choice(inputs), rng) for _ in range(NEIGHBOURS)]]:
        targets.TARGETS[name](data)


@pytest.mark.parametrize("name", targets.TARGETS)
@given(data=st.binary(max_size=300))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_bytes(name: str, data: bytes) -> None:
    """No bytes at all break a decoder."""
    targets.TARGETS[name](data)


def test_a_broken_decoder_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a decoder that lets arrays of anything pass is noticed."""
    monkeypatch.setattr(targets, "decode", lambda body: [body])
    with pytest.raises(AssertionError):
        targets.bayeux(b"[1]")
