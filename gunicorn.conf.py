"""gunicorn settings for the gateway: `gunicorn -c gunicorn.conf.py wsgi:app`.

Everything may be overridden on the command line (`-b`, `--graceful-timeout`, ...) except the number of
workers, which is one in this release. Environment: HOST, PORT, DATA_DIR, WEB_CONCURRENCY,
FORWARDED_ALLOW_IPS, WORKER_CONNECTIONS, GATEWAY__LOG__FORMAT (json, genesys, console),
GATEWAY__LOG__LEVEL.
"""

import os
from pathlib import Path

from gateway.worker import boot

worker_class = "gateway.worker.GatewayWorker"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
_host = os.environ.get("HOST", "127.0.0.1")
bind = f"{f'[{_host}]' if ':' in _host else _host}:{os.environ.get('PORT', '8080')}"

# Whose X-Forwarded-* headers are believed; also exempt from the cap of connections per address.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")

# Held polls and websockets each keep a connection; the file limit is raised to match.
worker_connections = int(os.environ.get("WORKER_CONNECTIONS", "20000"))
# A reconnect storm arrives at once; the kernel's net.core.somaxconn may cap this.
backlog = 4096
# Above the 60 s after which common proxies drop an idle upstream connection, so that they close first.
keepalive = 75
# Held polls are answered and websockets closed at once; this bounds the requests still being worked on.
graceful_timeout = 20
# A gevent worker reports every second however long a poll is held; so long without a report means it hangs.
timeout = 60
# Recycling workers would cut held polls and websockets.
max_requests = 0

logger_class = "gateway.worker.logger.GatewayLogger"
loglevel = os.environ.get("GATEWAY__LOG__LEVEL", "info")
accesslog = None
# gunicorn 27 opens a control socket in the user's home directory by default.
control_socket_disable = True

boot.raise_file_limit()


def on_starting(server):
    """Refuse what cannot work, then own the data directory for as long as master or workers live."""
    boot.refuse_several_workers(server.cfg.workers)
    server.gateway_lock = boot.claim_data_dir(Path(os.environ.get("DATA_DIR", "data")))
