"""Loading ini text and environment: values, origins, warnings and refusals."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import ConfigError, Settings, loader, registry
from gateway.config.ini import decode
from gateway.config.registry import OPTIONS, SECTIONS

SAMPLE_GMS = (
    '# The sample of the Genesys page "Push notifications via GMS to HTTP server" with a loopback receiver; '
    "must load and work as it is.\n"
    """\
[chat]
enable_notification_mode=true
push_notification_include_payload=true

[push]
customhttp.message=dummy message
customhttp.url=http://127.0.0.1:9999
debug.customhttp.message=dummy message
debug.customhttp.url=http://127.0.0.1:9998
pushEnabled=comet,customhttp
"""
)

CONFORMANCE = """\
[cometd]
broadcast_channels=/chat/**
maxInterval=10000
ws.maxMessageSize=262144
[server]
cors_allow_origins=http://good.example
[limits]
enabled=false
"""


def reason_of(text: str, environ: dict[str, str] | None = None) -> str:
    """The reason for which a configuration is refused."""
    with pytest.raises(ConfigError) as caught:
        Settings.from_text(text, environ, source="g.ini")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def told(load_it: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    """What an operator is told: the warnings of a good configuration or the reason against a bad one."""
    try:
        return load_it()
    except ConfigError as error:
        return (str(error),)


def test_gms_sample_loads_unchanged() -> None:
    """The sample of the seed gives its values in the production profile, without a warning."""
    settings = Settings.from_text(SAMPLE_GMS)

    assert settings.warnings == ()
    assert settings.server.profile == "production"
    assert settings.chat.enable_notification_mode is True
    assert settings.for_service("any").push_notification_include_payload is True
    assert settings.push.enabled == ("comet", "customhttp")
    destination = settings.provider()
    assert destination["customhttp.url"] == "http://127.0.0.1:9999"
    assert destination["customhttp.message"] == "dummy message"
    assert destination["debug.customhttp.url"] == "http://127.0.0.1:9998"
    assert destination["debug.customhttp.message"] == "dummy message"


def test_conformance_example_loads() -> None:
    """The ini of the Bayeux conformance run gives its values."""
    settings = Settings.from_text(CONFORMANCE)

    assert settings.warnings == ()
    assert settings.cometd.broadcast_channels == ("/chat/**",)
    assert settings.cometd.max_interval_ms == 10_000
    assert settings.cometd.ws_max_message_size_bytes == 262_144
    assert settings.server.cors_allow_origins == ("http://good.example",)
    assert settings.limits.enabled is False


def test_origin_names_file_line_or_variable() -> None:
    """Every value tells where it comes from, through comments, continuation lines and inheritance."""
    text = (
        "; note\n[chat]\n# c\nendpoint=a:b\n[chat.demo]\ntyping_timeout=3\n"
        "[push]\npushEnabled=comet,\n  customhttp\ncoalesce_ms=5\n"
    )
    settings = Settings.from_text(text, {"GATEWAY__CHAT__SYSTEM_NICKNAME": "Bot"}, source="g.ini")

    assert settings.origin("chat.demo", "typing_timeout") == "g.ini:6"
    assert settings.origin("chat.demo", "endpoint") == "g.ini:4"
    assert settings.origin("push", "pushEnabled") == "g.ini:8"
    assert settings.origin("push", "coalesce_ms") == "g.ini:10"
    assert settings.origin("chat.demo", "system_nickname") == "env GATEWAY__CHAT__SYSTEM_NICKNAME"
    assert settings.origin("chat", "single_attachment") == "default"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[chat]\nendpoint=a:b\nnovalue\n", "g.ini:3: is neither [section], option=value nor a comment"),
        ("x=1\n", "g.ini:1: an option stands before the first [section]"),
        ("[chat]\nendpoint=a:b\n\nendpoint=c:d\n", "g.ini:4: [chat] 'endpoint' is given twice"),
        ("[chat]\n[push]\n[chat]\n", "g.ini:3: section [chat] appears twice"),
        ("\ufeff[chat]\n", "g.ini:1: begins with a byte order mark; save the file as UTF-8 without one"),
        (
            "[push]\ncustomhttp.header.A=1\ncustomhttp.header.a=2\n",
            "g.ini:3: [push] 'customhttp.header.a' is given twice",
        ),
        (
            "[push]\ncustomhttp.header.Host=x\n",
            "g.ini:2: [push] 'customhttp.header.Host': this header cannot be set",
        ),
    ],
)
def test_faults_of_the_file_name_the_line(text, expected) -> None:
    """A file that cannot be read is refused with the number of the faulty line."""
    assert expected == reason_of(text)


@pytest.mark.parametrize(
    ("raw", "line"), [(b"\xef\xbb\xbf[chat]", 1), (b"\xff\xfe[\x00", 1), (b"[chat]\nendpoint=\xff", 2)]
)
def test_bytes_that_are_not_plain_utf8_name_the_line(raw, line) -> None:
    """Byte order marks and broken UTF-8 are refused with the line number."""
    with pytest.raises(ConfigError, match=f"^g.ini:{line}: ") as caught:
        decode(raw, "g.ini")
    assert line == caught.value.line


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("chat", "enable_notification_mode", "yes"),
        ("chat", "max_message_length", "0"),
        ("chat", "max_message_length", "\u0663"),
        ("chat", "endpoint", "nocolon"),
        ("chat", "bad_secure_key_action", "remove"),
        ("chat", "system_nickname", ""),
        ("chat", "basic_auth", "nocolon"),
        ("server", "mount_prefix", "genesys"),
        ("server", "mount_prefix", "/genesys/"),
        ("server", "cors_allow_origins", "null"),
        ("server", "cors_allow_origins", "*, https://a.example"),
        ("server", "cors_allow_origins", "https://a.example/path"),
        ("push", "customhttp.url", "ftp://x.example"),
        ("push", "customhttp.url", "http://<hostname>:<port>"),
        ("push", "customhttp.url", "http://x.example:99999/"),
        ("push", "customhttp.url", "https://"),
        ("push", "customhttp.url", "https://x.example/#f"),
        ("push", "customhttp.connect_timeout", "0"),
        ("push", "customhttp.connect_timeout", "nan"),
        ("push", "allowed_networks", "10.0.0.0/99"),
        ("settings", "flex-disconnect-timeout", "1728001"),
        ("settings", "flex-push-content", "session-id, password"),
        ("cometd", "broadcast_channels", "/meta/**"),
        ("cometd", "broadcast_channels", "/service/x"),
        ("cometd", "browserCookieSameSite", "maybe"),
        ("log", "format", "xml"),
    ],
)
def test_impossible_value_is_refused_in_one_line(section, name, value) -> None:
    """The reason names line, section, option, value and the valid values."""
    reason = reason_of(f"[{section}]\n{name}={value}\n")

    shown = "(secret)" if name == "basic_auth" else f"'{value}'"
    assert reason.startswith(f"g.ini:2: [{section}] {name}={shown} is not possible; valid values: ")


def test_password_of_a_refused_value_is_not_repeated() -> None:
    """Reasons never carry user info of a URL or a secret option's text."""
    assert "hunter2" not in reason_of("[push]\ncustomhttp.url=https://me:hunter2@x.example/\n")
    assert "hunter2" not in reason_of("[push]\ncustomhttp.authorization=hunter2\n  second line\n")
    assert "hunter2" not in reason_of("[push]\nhunter2\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[Chat]\n", "g.ini:1: section [Chat] is unknown; did you mean [chat]?"),
        ("[gms]\nx=1\n", "g.ini:1: section [gms] is unknown"),
        (
            "[push]\npushenabled=comet\n",
            "g.ini:2: [push] 'pushenabled' is unknown; did you mean pushEnabled?",
        ),
        (
            "[chat.a]\nenable_notification_mode=true\n",
            "g.ini:2: [chat.a] enable_notification_mode is ignored; it belongs to [chat]",
        ),
    ],
)
def test_unknown_names_warn(text, expected) -> None:
    """What is unknown or misplaced is left out with one warning, so that files made for GMS load."""
    assert (expected,) == Settings.from_text(text, source="g.ini").warnings


def test_an_option_of_a_later_release_warns(monkeypatch) -> None:
    """An option that is only recognised says so, so that nobody relies on it."""
    option = replace(registry.lookup("limits", "typing_per_second"), later=True)
    monkeypatch.setattr(loader, "lookup", lambda section, name: option)

    settings = Settings.from_text("[limits]\ntyping_per_second=5\n", source="g.ini")

    assert ("g.ini:2: [limits] typing_per_second has no effect in this release",) == settings.warnings


def test_unknown_option_does_not_show_its_value() -> None:
    """A secret under a misspelt name stays out of the warnings."""
    assert "whsec_1" not in repr(Settings.from_text("[push]\ncustomhttp.sekret=whsec_1\n").warnings)


@pytest.mark.parametrize(
    ("value", "enabled", "warnings"),
    [
        (" Comet , CUSTOMHTTP,comet", ("comet", "customhttp"), 0),
        ("", (), 0),
        ("comet,carrier,pigeon", ("comet",), 1),
        ("comet,httpcallback", ("comet", "httpcb"), 2),
        ("comet,orscb", ("comet", "orscb"), 1),
        ("android", ("android",), 2),
    ],
)
def test_push_types_are_normalised(value, enabled, warnings) -> None:
    """Push types are trimmed, lower-cased, de-duplicated; unknown ones are ignored with one warning."""
    settings = Settings.from_text(f"[push]\ncustomhttp.url=https://x.example\npushEnabled={value}\n")

    assert enabled == settings.push.enabled
    assert warnings == len(settings.warnings)


@pytest.mark.parametrize(("value", "expected"), [("29", 30), ("soon", 30), ("", 30), ("3600", 3600)])
def test_bad_subscription_expiration_becomes_thirty(value, expected) -> None:
    """The one option of GMS that never refuses a value."""
    settings = Settings.from_text(f"[push]\ndefaultSubscriptionExpiration={value}\n")

    assert expected == settings.push.default_subscription_expiration_s
    assert (expected == 30) == bool(settings.warnings)


NAMES = st.sampled_from([option.name for option in OPTIONS])
LINES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(SECTIONS).map("[{}]".format),
    st.text(max_size=6).map("[chat.{}]".format),
    st.text(max_size=6).map("[push.provider.{}]".format),
    st.builds("{}={}".format, NAMES, st.text(max_size=20)),
)


@given(
    st.lists(LINES, max_size=12).map("\n".join),
    st.dictionaries(
        st.builds("GATEWAY__{}__{}".format, st.sampled_from(SECTIONS), NAMES),
        st.text(max_size=10),
        max_size=2,
    ),
)
def test_any_text_loads_or_is_refused_in_one_line(text, environ) -> None:
    """No text makes the loader fail otherwise than by a ConfigError of one printable line."""
    assert all(line.isprintable() for line in told(lambda: Settings.from_text(text, environ).warnings))


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(raw) -> None:
    """Bytes of any kind give text or a ConfigError of one line."""
    assert all(line.isprintable() for line in told(lambda: () if decode(raw, "g.ini") else ()))
