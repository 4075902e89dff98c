"""gunicorn's own log lines through our logging: same format, same redaction, no access log unless asked for.

`gunicorn.conf.py` names `GatewayLogger` as `logger_class`; the master builds it once, workers inherit it. The
format comes from the environment here, because the master runs before the application has read its options;
the application may configure logging again with the same function.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import structlog
from gunicorn.glogging import Logger

from gateway.observe import logs

FORMAT_VARIABLE = "GATEWAY__LOG__FORMAT"
DEFAULT_FORMAT = "json"


class GatewayLogger(Logger):
    """A gunicorn logger whose lines end up in the root logger, where `gateway.observe.logs` renders them."""

    def setup(self, cfg: Any) -> None:
        """Configure logging and let gunicorn's loggers propagate (at start and at each SIGHUP)."""
        super().setup(cfg)
        logs.configure(format=os.environ.get(FORMAT_VARIABLE, DEFAULT_FORMAT), level=cfg.loglevel)
        for log, output in ((self.error_log, cfg.errorlog), (self.access_log, cfg.accesslog)):
            if output in (None, "-"):
                log.handlers[:] = [one for one in log.handlers if not getattr(one, "_gunicorn", False)]
                log.propagate = True

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Log one answered request without its query string, which may carry keys (JSONP, websocket)."""
        if not self.access_log_enabled:
            return
        structlog.get_logger("gateway.access").info(
            "http_request",
            method=environ.get("REQUEST_METHOD"),
            path=environ.get("PATH_INFO"),
            status=str(resp.status).partition(" ")[0],
            bytes=getattr(resp, "sent", None),
            milliseconds=round(request_time.total_seconds() * 1000, 1),
            peer=environ.get("REMOTE_ADDR"),
        )
