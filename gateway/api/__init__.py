"""The REST edges: Chat API v2 for customers (`v2`, `chat_ntf`), our own APIs, health and pages.

Each wire has its own body parsing and one error handler; a view parses, calls one use case and renders.
"""
