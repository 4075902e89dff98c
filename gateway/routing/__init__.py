"""Pure decisions: which channel gets an event, with which content (spec/push.md 2.4, 3.5, 6, 9).

No I/O, no clock, no state: everything follows from the settings, the chat and the event, so the tables of
the specification are the tests. Called by `chat.ledger` inside a change, and by `push` for a destination.
"""
