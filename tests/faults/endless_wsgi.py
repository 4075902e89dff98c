"""A gateway that lets customers speak after the end: the negative control of the race with close.

Served as `tests.faults.endless_wsgi:app`. Only the check inside the chat's lock is missing.
"""

from gateway.app import create_app
from gateway.chat import customers

assert customers.speaker  # what is replaced exists, or the control would switch nothing off
customers.speaker = lambda session: session.customer
app = create_app()
