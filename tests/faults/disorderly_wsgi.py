"""A gateway whose wake-ups leave the order of the commits: the negative control of `test_total_order`.

Served as `tests.faults.disorderly_wsgi:app`. What is stored is right; only that changes are published under
the chat's lock is missing: each third wake-up comes later than those of the commits behind it.
"""

import itertools

import gevent

from gateway.app import create_app
from gateway.model.change import Committed
from gateway.services import Gateway, Installation

LATE_S = 0.1

gateway = Gateway.build(Installation.from_environment())
publish = gateway.bus.publish
number = itertools.count()


def sometimes_late(committed: Committed) -> None:
    """Publish, each third time too late."""
    if next(number) % 3:
        publish(committed)
    else:
        gevent.spawn_later(LATE_S, publish, committed)


gateway.bus.publish = sometimes_late  # type: ignore[method-assign]
gateway.start()
app = create_app(gateway)
