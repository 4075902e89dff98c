"""Logging: three formats, the Genesys literals, and no secret in any of them."""

import io
import json
import logging
import re
from datetime import UTC, datetime

import pytest
import structlog

from gateway.observe import logs

CANARY = "CANARYx81b2"
DEVICE = "b16416334828b1d26ef14f329628b55b"
MOMENT = datetime(2026, 11, 22, 11, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def output():
    """Logging as pytest left it is restored after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def start(output, format, level="debug"):
    logs.configure(format=format, level=level, stream=output, clock=lambda: MOMENT)
    return structlog.get_logger("gateway.push")


def local_time():
    return MOMENT.astimezone().replace(tzinfo=None).isoformat(timespec="milliseconds")


def test_genesys_format_of_an_event_that_was_not_pushed(output):
    """The line of spec/push.md 5 appears literally, with the device masked."""
    logger = start(output, "genesys", "info")

    logs.log_not_pushed(
        logger, position=17, reason="delivery failed: HTTP 503", push_type="customhttp", device_id=DEVICE
    )

    expected = (
        f"{local_time()} Dbg 09900 [gateway.push] DC Chat Server Persistent Listener: Event 17 was not"
        " (delivery failed: HTTP 503) pushed for delivery to customhttp for device b164…\n"
    )
    assert expected == output.getvalue()


def test_genesys_format_of_the_success_twin(output):
    """The same sentence with `was pushed` is written at debug."""
    logs.log_pushed(start(output, "genesys"), position=3, push_type="customhttp", device_id=DEVICE)

    assert (
        "Dbg 09900 [gateway.push] DC Chat Server Persistent Listener: Event 3 was pushed for delivery to"
        in (output.getvalue())
    )


def test_genesys_format_of_a_missing_node(output):
    """Chat Server's Trc 59758 appears literally."""
    logs.log_no_node(start(output, "genesys", "info"), "east")

    expected = (
        f"{local_time()} Trc 59758 push-flex: could not send notification - no gms node found in group=east\n"
    )
    assert expected == output.getvalue()


def test_json_carries_the_same_id_and_text(output):
    """The JSON form has the id as `gms_id` and the literal text as `message`."""
    logs.log_no_node(start(output, "json", "info"), "east")

    assert json.loads(output.getvalue()) == {
        "timestamp": "2026-11-22T11:00:00.123Z",
        "level": "info",
        "logger": "gateway.push",
        "event": "push_no_node_in_group",
        "group": "east",
        "gms_id": "59758",
        "message": "push-flex: could not send notification - no gms node found in group=east",
    }


@pytest.mark.parametrize(
    ("level", "word"),
    [("debug", "Dbg"), ("info", "Trc"), ("warning", "Std"), ("error", "Std"), ("critical", "Alr")],
)
def test_genesys_level_words(output, level, word):
    """Every level has its Genesys word and ordinary lines have the generic id."""
    getattr(start(output, "genesys"), level)("something", a=1)

    assert f"{local_time()} {word} 09900 [gateway.push] something a=1\n" == output.getvalue()


@pytest.mark.parametrize("format", logs.FORMATS)
def test_no_secret_in_any_format(output, format):
    """Canary: secrets in fields, context, foreign messages and tracebacks never appear."""
    logger = start(output, format)
    with structlog.contextvars.bound_contextvars(token=CANARY):
        logger.info("one", userData={"secureKey": CANARY, "x": [{"password": CANARY}]}, device_id=CANARY * 3)
    logging.getLogger("urllib3").warning("GET /a?secureKey=%s Authorization: Basic %s", CANARY, CANARY)
    logging.getLogger("other").error("extra", extra={"apikey": CANARY})
    try:
        raise ValueError(f"secureKey={CANARY}")
    except ValueError:
        logger.exception("two")
        logging.getLogger("gunicorn.error").exception("three")

    assert "three" in output.getvalue()
    assert CANARY not in output.getvalue()


@pytest.mark.parametrize("format", logs.FORMATS)
def test_log_forging_is_impossible(output, format):
    """A line break in a field or a message does not start a second record."""
    logger = start(output, format)
    logger.info("one", nickname="x\n2026-11-22T11:00:00.123 Alr 09900 [gateway.push] forged\r\x1b[2J")
    logging.getLogger("foreign").info("%s", "a\nb")

    assert len(output.getvalue().splitlines()) == 2
    assert "\x1b" not in output.getvalue()


def test_console_tracebacks_stay_readable_and_marked(output):
    """On the console a traceback keeps its lines, each behind a bar."""
    logger = start(output, "console")
    try:
        raise ValueError("line one\nline two")
    except ValueError:
        logger.exception("failed")

    first, *rest = output.getvalue().splitlines()
    assert first.endswith("error    gateway.push: failed")
    assert len(rest) > 2
    assert all(re.match(r"    \| ", line) for line in rest)


def test_level_is_applied_and_configuring_twice_doubles_nothing(output):
    """Lines below the level are dropped; the last configuration wins."""
    start(output, "json", "debug")
    logger = start(output, "json", "warning")
    logger.info("low")
    logger.warning("high")

    assert len(output.getvalue().splitlines()) == 1


def test_unknown_format_or_level_is_refused():
    """A typing error in an option is a clear error, not silence."""
    with pytest.raises(ValueError, match="json, genesys, console"):
        logs.configure(format="xml")
    with pytest.raises(ValueError, match="loud"):
        logs.configure(level="loud")
