"""Structured logging: structlog over the standard library, one redaction point, three renderings.

`configure` is called once per process by whoever starts it (the worker's logger, the command line, the
application factory) and again when the options change. Everything, the lines of gunicorn and urllib3
included, goes through the root logger's single handler, whose formatter runs `redaction.clean` and then one
renderer:

* `json`: one object per line: `timestamp`, `level`, `logger`, `event`, the fields; for a line that Genesys
  products also write, `gms_id` and `message` (its literal text);
* `genesys`: `2026-11-22T11:00:00.123 Dbg 09900 [module] text`, so that existing log alerts keep firing;
* `console`: for people; a traceback keeps its lines, each behind a bar so that it cannot pass for a record.

Events are names plus fields, never sentences. The sentences that alerts look for (spec/push.md 5) live in one
table, `GMS_LINES`, and are made from the already masked fields. They are written through `log_not_pushed`,
`log_pushed` and `log_no_node`.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import FilteringBoundLogger, Processor

from gateway.observe.redaction import clean, escape, redact_text

FORMATS = ("json", "genesys", "console")
# Genesys "trace" lies between debug and standard; the standard library's info is its nearest level.
LEVEL_WORDS = {
    "debug": "Dbg",
    "info": "Trc",
    "interaction": "Int",
    "warning": "Std",
    "error": "Std",
    "critical": "Alr",
}
# The id under which GMS writes every line that has no id of its own.
GENERIC_ID = "09900"

PUSHED = "push_delivered"
NOT_PUSHED = "push_not_delivered"
NO_NODE = "push_no_node_in_group"

_Event = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class GmsLine:
    """A line that Genesys products write too: level word, id and text (a `str.format` template)."""

    word: str
    gms_id: str
    text: str
    names_module: bool


GMS_LINES: Mapping[str, GmsLine] = {
    PUSHED: GmsLine(
        "Dbg",
        "09900",
        "DC Chat Server Persistent Listener: Event {position} was pushed for delivery"
        " to {push_type} for device {device_id}",
        names_module=True,
    ),
    NOT_PUSHED: GmsLine(
        "Dbg",
        "09900",
        "DC Chat Server Persistent Listener: Event {position} was not ({reason}) pushed for delivery"
        " to {push_type} for device {device_id}",
        names_module=True,
    ),
    NO_NODE: GmsLine(
        "Trc",
        "59758",
        "push-flex: could not send notification - no gms node found in group={group}",
        names_module=False,
    ),
}


def log_not_pushed(
    logger: FilteringBoundLogger, *, position: int, reason: str, push_type: str, device_id: str
) -> None:
    """Say that an event was not pushed and why; at info, although its word is Dbg, so that alerts see it."""
    logger.info(NOT_PUSHED, position=position, reason=reason, push_type=push_type, device_id=device_id)


def log_pushed(logger: FilteringBoundLogger, *, position: int, push_type: str, device_id: str) -> None:
    """Say that an event was pushed; at debug, one line per message is too much for a busy service."""
    logger.debug(PUSHED, position=position, push_type=push_type, device_id=device_id)


def log_no_node(logger: FilteringBoundLogger, group: str) -> None:
    """Say that no live node serves the group of a subscription (Chat Server's Trc 59758)."""
    logger.info(NO_NODE, group=group)


def configure(
    *,
    format: str = "json",
    level: str = "info",
    stream: TextIO | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Send all logging of this process to `stream` (standard output) in one of FORMATS, from `level` upwards.

    May be called again: the last call wins, nothing is doubled. Raises ValueError for an unknown format or
    level.
    """
    if format not in FORMATS:
        raise ValueError(f"log format must be one of {', '.join(FORMATS)}")
    threshold = logging.getLevelNamesMapping().get(level.upper())
    if threshold is None:
        raise ValueError(f"unknown log level: {escape(level)}")
    described: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        _timestamper(clock),
    ]
    renderer = {"json": _render_json, "genesys": _render_genesys, "console": _render_console}[format]
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=described,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redact,
                _add_gms_line,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *described,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        # Level changes are live, so a module's logger must not keep the first wrapper it saw.
        cache_logger_on_first_use=False,
    )


def _timestamper(clock: Callable[[], datetime]) -> Processor:
    def stamp(_logger: Any, _method: str, event: _Event) -> _Event:
        event["timestamp"] = clock()
        return event

    return stamp


def _redact(_logger: Any, _method: str, event: _Event) -> _Event:
    """Clean all members; of the time no caller can set anything, of the traceback the lines are kept."""
    timestamp = event.pop("timestamp")
    exception = event.pop("exception", None)
    cleaned: _Event = clean(event)
    cleaned["timestamp"] = timestamp
    if exception is not None:
        cleaned["exception"] = [escape(line) for line in redact_text(str(exception)).splitlines()]
    return cleaned


def _add_gms_line(_logger: Any, _method: str, event: _Event) -> _Event:
    line = GMS_LINES.get(event.get("event", ""))
    if line is not None:
        event["gms_id"] = line.gms_id
        event["message"] = line.text.format_map(event)
    return event


def _render_json(_logger: Any, _method: str, event: _Event) -> str:
    moment = event.pop("timestamp").astimezone(UTC)
    record = {"timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"), **event}
    if "exception" in record:
        record["exception"] = "\n".join(record["exception"])
    return orjson.dumps(record).decode()


def _render_genesys(_logger: Any, _method: str, event: _Event) -> str:
    line = GMS_LINES.get(event.get("event", ""))
    moment = _local_time(event)
    module = event.pop("logger", "gateway")
    if line is not None:
        place = f"[{module}] " if line.names_module else ""
        return f"{moment} {line.word} {line.gms_id} {place}{event['message']}"
    level = event.pop("level", "info")
    word = LEVEL_WORDS.get(level, "Std")
    exception = " ".join(event.pop("exception", ()))
    return f"{moment} {word} {GENERIC_ID} [{module}] {_as_text(event)} {exception}".rstrip()


def _render_console(_logger: Any, _method: str, event: _Event) -> str:
    moment = _local_time(event)
    level = event.pop("level", "info")
    module = event.pop("logger", "gateway")
    exception = event.pop("exception", ())
    bars = "".join(f"\n    | {line}" for line in exception)
    return f"{moment} {level:<8} {module}: {_as_text(event)}{bars}"


def _local_time(event: _Event) -> str:
    moment: datetime = event.pop("timestamp").astimezone()
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")


def _as_text(event: _Event) -> str:
    """Write the event's name and its remaining fields as `name key=value`."""
    name = event.pop("event", "")
    event.pop("message", None)
    return " ".join([str(name), *(f"{key}={value}" for key, value in event.items())])
