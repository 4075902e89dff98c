"""How transcripts are searched, the same in every backend: what a word is and which words a text has.

A word is a run of letters and digits without regard to case and accents, as SQLite's tokenizer `unicode61`
cuts it. A query finds a text that has, for each of its words, a word that begins with it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from gateway.model.participants import ParticipantType
from gateway.model.session import ChatSession

# More words make a query no sharper, only slower.
MAX_WORDS = 16

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> tuple[str, ...]:
    """The words of a text in lower case, accents removed."""
    plain = "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    return tuple(_WORD.findall(plain.lower()))


def query_words(text: str) -> tuple[str, ...]:
    """The words to look for, at most MAX_WORDS."""
    return words(text)[:MAX_WORDS]


def found_in(wanted: Iterable[str], text: str) -> bool:
    """Whether each wanted word begins a word of the text."""
    present = words(text)
    return all(any(word.startswith(start) for word in present) for start in wanted)


def people_of(session: ChatSession) -> tuple[str, str]:
    """What a chat is found by besides its events: its customer, and its agents, supervisors and bots."""
    profile = session.profile
    customer = f"{profile.customer.nickname} {profile.email}"
    others = [party for party in profile.participants if party.type is not ParticipantType.CLIENT]
    return customer, " ".join(f"{party.nickname} {party.owner or ''}" for party in others)
