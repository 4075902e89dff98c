"""Nodes and what passes between them; on one node this is the wake-up bus alone."""
