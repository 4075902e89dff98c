"""Values of the chat: sessions, participants, events, subscriptions, deliveries, changes and their rendering.

Pure: no I/O, no clock, no framework. Everything here is immutable; a use case in `chat/` makes a new
value, and a `Change` that carries it is the only thing a store ever writes.
"""
