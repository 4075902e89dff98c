"""Storage: role interfaces (`roles`), the executable specification (`memory`) and SQLite (`sqlite/`).

One conformance suite (tests/store) runs over every backend; `services` alone chooses one.
"""
