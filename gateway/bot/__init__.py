"""Bots: programs that take part in chats through the public agents' API only (docs/bots.md).

Nothing here imports the rest of the gateway, so that a bot can be copied out of the tree as a starting point.
"""
