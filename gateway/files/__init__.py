"""Uploaded files: what may be uploaded (pure rules), what a file is, and where its bytes are kept.

Knows no chat use case, store or web framework; `chat/files` puts the parts together.
"""
