"""Serving under gunicorn: the worker class, its deadlines, and what the master does before the first fork.

`gunicorn.conf.py` names `gateway.worker.GatewayWorker`; nothing else of the product imports this package.
"""

from gateway.worker.serving import GatewayWorker

__all__ = ["GatewayWorker"]
