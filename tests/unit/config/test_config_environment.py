"""Environment variables: which option they mean, secrets from files, refusals."""

import pytest

from gateway.config import ConfigError, Settings
from gateway.config.kinds import format_value
from gateway.config.loader import load
from gateway.config.registry import OPTIONS


def reason_of(environ: dict[str, str]) -> str:
    """The reason for which an environment is refused."""
    with pytest.raises(ConfigError) as caught:
        Settings.from_text("", environ)
    return str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "section", "option", "expected"),
    [
        (
            "GATEWAY__CHAT__PUSH_NOTIFICATION_INCLUDE_PAYLOAD",
            "true",
            "chat",
            "push_notification_include_payload",
            True,
        ),
        (
            "GATEWAY__PUSH__CUSTOMHTTP_URL",
            "https://x.example/p",
            "push",
            "customhttp.url",
            "https://x.example/p",
        ),
        (
            "gateway__push__customhttp.url",
            "https://x.example/p",
            "push",
            "customhttp.url",
            "https://x.example/p",
        ),
        ("GATEWAY__PUSH__PUSHENABLED", "customhttp,comet", "push", "pushEnabled", ("customhttp", "comet")),
        ("GATEWAY__SETTINGS__FLEX_PUSH_ON_JOIN", "false", "settings", "flex-push-on-join", False),
        ("GATEWAY__COMETD__WS_MAXMESSAGESIZE", "9999", "cometd", "ws.maxMessageSize", 9999),
        ("GATEWAY__CHAT_CZ__MAX_MESSAGE_LENGTH", "7", "chat.CZ", "max_message_length", 7),
        ("GATEWAY__CHAT_NEW__MAX_MESSAGE_LENGTH", "7", "chat.new", "max_message_length", 7),
        (
            "GATEWAY__PUSH_PROVIDER_SMS__CUSTOMHTTP_MESSAGE",
            "m",
            "push.provider.Sms",
            "customhttp.message",
            "m",
        ),
        ("GATEWAY__PUSH__CUSTOMHTTP_HEADER_X_API_KEY", "k", "push", "customhttp.header.x-api-key", "k"),
    ],
)
def test_environment_overrides(variable, value, section, option, expected) -> None:
    """A variable means its option whatever the case and the separators, and wins over the file."""
    text = (
        "[push]\ncustomhttp.url=https://file.example/\n[chat.CZ]\nmax_message_length=3\n[push.provider.Sms]\n"
    )
    settings = Settings.from_text(text, {variable: value})

    assert settings.warnings == ()
    assert settings.get(section, option) == expected
    assert settings.origin(section, option) == f"env {variable}"


def test_every_option_has_an_environment_name() -> None:
    """Each option of the registry can be set by a variable made from its section and name."""
    for option in OPTIONS:
        name = option.name.replace("<Name>", "x-any")
        variable = f"GATEWAY__{option.section}__{name}".upper().replace("-", "_").replace(".", "_")
        default = option.default_for("production")
        loaded = load("", {variable: "x" if default is None and option.prefix else format_value(default)})

        assert [(option.section, name)] == list(loaded.assigned)
        assert loaded.warnings == () or option.later


def test_secret_comes_from_a_file() -> None:
    """`..._FILE` reads a secret option from the named file and drops the final line end."""
    files = {"/run/secrets/push": b"Bearer abc\n"}
    environ = {"GATEWAY__PUSH__CUSTOMHTTP_AUTHORIZATION_FILE": "/run/secrets/push"}
    loaded = load("", environ, read_file=files.__getitem__)

    assert loaded.assigned["push", "customhttp.authorization"].value == "Bearer abc"


def test_unreadable_secret_file_is_refused() -> None:
    """A secret file that is missing stops the start with the variable's name."""
    environ = {"GATEWAY__PUSH__CUSTOMHTTP_AUTHORIZATION_FILE": "/nonexistent/x"}

    assert (
        reason_of(environ) == "env GATEWAY__PUSH__CUSTOMHTTP_AUTHORIZATION_FILE: "
        "cannot read '/nonexistent/x': No such file or directory"
    )


def test_one_option_by_two_variables_is_refused() -> None:
    """Two variables for one option are an error, since neither can be meant to win."""
    environ = {"GATEWAY__LOG__LEVEL": "info", "gateway__log__level": "debug"}

    assert "is set by env GATEWAY__LOG__LEVEL as well" in reason_of(environ)


def test_unknown_variable_warns() -> None:
    """A variable with our prefix that means nothing is reported."""
    assert Settings.from_text("", {"GATEWAY__PUSH__NOPE": "1", "GATEWAY_CONFIG": "x"}).warnings == (
        "env GATEWAY__PUSH__NOPE: no such option",
    )
