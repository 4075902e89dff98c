"""The chat engine: use cases of customers and agents on top of one ledger.

Who calls: `api/` and `comet/` (the edges). Every use case authenticates its caller, decides what happens
(pure functions over a `ChatSession`) and hands a `Decision` to the `Ledger`, the only place that commits.
Nothing here knows HTTP, Bayeux or Flask.
"""
