"""A gateway whose subscriptions take a while: the race of `test_resume`, forced at every subscription.

Served as `tests.faults.joining_wsgi:app`. A writer gets its turn between the reading of the transcript and
the attachment of the session. With GATEWAY_TEST_JOIN=leaky the attachment then begins at what is newest by
now, instead of where the answer ends: the negative control.
"""

import os
import time

from gateway.app import create_app
from gateway.bayeux import Session
from gateway.model.session import ChatSession
from gateway.services import Gateway, Installation

LEAKY = os.environ.get("GATEWAY_TEST_JOIN") == "leaky"
# Long enough for a few commits of a writer without pauses.
PAUSE_S = 0.02

gateway = Gateway.build(Installation.from_environment(dict(os.environ)))
attach = gateway.hub.attach


def slow_attach(session: Session, chat: ChatSession, channel: str, *, cursor: int) -> None:
    """Attach, too late."""
    time.sleep(PAUSE_S)
    newest = gateway.store.session(chat.id)
    attach(session, chat, channel, cursor=newest.next_index - 1 if LEAKY and newest else cursor)


gateway.hub.attach = slow_attach  # type: ignore[method-assign]
gateway.start()
app = create_app(gateway)
