"""The snapshot: inheritance, views, providers, and rules between options."""

import ipaddress
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from gateway.config import ConfigError, Settings
from gateway.config.checks import advisories


def test_defaults_are_those_of_the_specification() -> None:
    """A gateway without configuration runs with the decided defaults."""
    settings = Settings.defaults()

    assert settings.warnings == ()
    assert settings.server.mount_prefix == "/genesys"
    assert settings.server.cors_allow_origins == ("*",)
    assert settings.server.max_body_size_bytes == 1_048_576
    assert settings.chat.enable_notification_mode is True
    assert settings.push.enabled == ("comet",)
    assert settings.push.active_grace_s == 10
    assert settings.push.allow_client_debug is False
    assert settings.flex.disconnect_timeout_s == 45
    assert settings.flex.push_timeout_s == 86_400
    assert settings.flex.push_content == ("session-id", "user-id")
    assert settings.flex.push_on_join is True
    assert settings.cometd.timeout_ms == 30_000
    assert settings.cometd.max_interval_ms == 75_000
    assert settings.cometd.max_sessions_per_browser == -1
    assert settings.cometd.max_queue_events == 256
    assert settings.cometd.max_queue_bytes == 262_144
    assert settings.cometd.unknown_session_text == "402::Unknown client"
    assert settings.cometd.duplicate_meta_connect_status == 409
    assert settings.limits.header_timeout_s == 10
    assert settings.limits.body_timeout_s == 20
    service = settings.for_service("any")
    assert service.push_notification_to_active_client is True
    assert service.max_message_length == 10_000
    assert service.comet_disconnect_timeout_s == 90
    assert service.endpoint == "Environment:default"


def test_service_inherits_from_chat_and_default() -> None:
    """A service's value is its own, else that of [chat], else the default."""
    settings = Settings.from_text(
        "[chat]\nmax_message_length=50\ntyping_timeout=5\n[chat.demo]\nmax_message_length=7\nendpoint=T:q\n"
    )

    demo, other = settings.for_service("demo"), settings.for_service("other")
    assert (demo.max_message_length, demo.typing_timeout_s, demo.ended_retention_s) == (7, 5, 600)
    assert (other.max_message_length, other.typing_timeout_s, other.ended_retention_s) == (50, 5, 600)
    assert demo.endpoint == "T:q"
    assert (settings.known_service("demo"), settings.known_service("other")) == (True, False)
    assert demo is settings.for_service("demo")
    assert other is settings.for_service("yet another")


def test_default_endpoint_is_the_last_resort() -> None:
    """A service without an endpoint anywhere uses default_chat_endpoint."""
    settings = Settings.from_text("[chat]\ndefault_chat_endpoint=T:main\n")

    assert settings.for_service("x").endpoint == "T:main"


def test_service_section_without_options_is_known() -> None:
    """An empty section declares a service (strict_services)."""
    assert Settings.from_text("[chat.cz]\n").known_service("cz")


def test_provider_inherits_from_push() -> None:
    """A provider's missing keys come from the same keys of [push]; debug keys never stand in for others."""
    settings = Settings.from_text(
        "[push]\ncustomhttp.url=https://main.example/\ncustomhttp.message=hello\ncustomhttp.read_timeout=3\n"
        "customhttp.header.X-One=1\ncustomhttp.header.X-Two=2\n"
        "[push.provider.sms]\ncustomhttp.url=https://sms.example/\ncustomhttp.header.x-one=own\n"
        "debug.customhttp.message=d\n"
    )
    sms = settings.provider("sms")

    assert sms["customhttp.url"] == "https://sms.example/"
    assert sms["customhttp.message"] == "hello"
    assert sms["customhttp.read_timeout"] == 3
    assert (sms["customhttp.header.x-one"], sms["customhttp.header.x-two"]) == ("own", "2")
    assert (sms["debug.customhttp.url"], sms["debug.customhttp.message"]) == (None, "d")
    assert settings.provider()["customhttp.header.x-one"] == "1"


def test_unknown_provider_is_none() -> None:
    """An unknown provider is never the default one."""
    assert Settings.from_text("[push]\ncustomhttp.url=https://x.example/\n").provider("nope") is None


def test_development_profile_eases_defaults() -> None:
    """Debug selection and private networks are defaults of the development profile only."""
    private = ipaddress.ip_network("10.0.0.0/8")
    settings = Settings.from_text(
        "[server]\nprofile=development\n[push]\ncustomhttp.url=http://r.example:9999\n"
    )

    assert settings.push.allow_client_debug is True
    assert private in settings.push.allowed_networks
    assert private not in Settings.defaults().push.allowed_networks


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[push]\ncustomhttp.url=http://r.example/\n", "plain http to another machine"),
        ("[push.provider.p]\ndebug.customhttp.url=http://10.0.0.1/\n", "plain http to another machine"),
        (
            "[settings]\nflex-push-content=secure-key\n[push]\ncustomhttp.url=http://localhost/\n",
            "plain http while flex-push-content lists secure-key",
        ),
        ("[push]\ncustomhttp.tls_verify=false\n", "false needs [push] allow_insecure=true"),
    ],
)
def test_insecure_push_is_refused_in_production(text, reason) -> None:
    """Plain http to other machines, keys over http and unverified TLS need allow_insecure or development."""
    with pytest.raises(ConfigError) as caught:
        Settings.from_text(text)
    assert reason in str(caught.value)
    Settings.from_text(text, {"GATEWAY__PUSH__ALLOW_INSECURE": "true"})
    Settings.from_text(text, {"GATEWAY__SERVER__PROFILE": "development"})


def test_ports_of_destinations() -> None:
    """Other machines are reached at 80 and 443 unless the operator lists more; this one at any port."""
    other = "[push]\ncustomhttp.url=https://r.example:8443/\n"
    with pytest.raises(ConfigError) as caught:
        Settings.from_text(other)
    assert "port 8443 is not in [push] allowed_ports" in str(caught.value)
    for fine in (
        other + "allowed_ports=443,8443\n",
        other + "allowed_ports=*\n",
        other + "[server]\nprofile=development\n",
        "[push]\ncustomhttp.url=https://r.example/\ndebug.customhttp.url=http://127.0.0.1:9000/\n",
    ):
        Settings.from_text(fine)


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("[push]\npushEnabled=customhttp\ncustomhttp.url=https://x.example\n", "lacks comet"),
        ("[push]\npushEnabled=comet,customhttp\n", "without customhttp.url"),
        (
            "[push]\ncustomhttp.authorization=s\n[push.provider.p]\ncustomhttp.url=https://p.example\n",
            "sends the authorization of [push] there",
        ),
    ],
)
def test_doubtful_combinations_warn(text, doubt) -> None:
    """Combinations that hardly work as meant load with a warning."""
    (warning,) = Settings.from_text(text).warnings

    assert doubt in warning


def test_any_origin_is_an_advisory_outside_the_demo() -> None:
    """Reflecting any origin is told at start unless the demo runs or a list is set (decision 18)."""
    assert len(advisories(Settings.defaults())) == 1
    assert advisories(Settings.from_text("[demo]\nenabled=true\n")) == ()
    assert advisories(Settings.from_text("[server]\ncors_allow_origins=https://a.example\n")) == ()


def test_origins_are_normalised() -> None:
    """Origins are lower-case and without a final slash, as browsers send them."""
    settings = Settings.from_text("[server]\ncors_allow_origins=HTTPS://A.example/, http://b.example:81\n")

    assert settings.server.cors_allow_origins == ("https://a.example", "http://b.example:81")


def test_relative_store_path_is_under_the_data_directory() -> None:
    """The database file lies in DATA_DIR unless its path is absolute."""
    assert Path("/d/gateway.sqlite3") == Settings.defaults().store.file_under(Path("/d"))
    assert Path("/x/y") == Settings.from_text("[store]\npath=/x/y\n").store.file_under(Path("/d"))


def test_snapshot_is_immutable_and_hides_secrets() -> None:
    """Neither the snapshot nor its views can be changed, and repr shows no secret."""
    settings = Settings.from_text("[chat]\napikeys=topsecret\nbasic_auth=u:topsecret\n")

    assert settings.for_service("x").apikeys == ("topsecret",)
    assert "topsecret" not in repr(settings.for_service("x"))
    with pytest.raises(AttributeError):
        settings.server = None
    with pytest.raises(FrozenInstanceError):
        settings.cometd.timeout_ms = 1
    with pytest.raises(TypeError):
        settings.provider()["customhttp.url"] = "https://evil.example"


def test_unknown_option_is_a_programming_error() -> None:
    """Asking for an option that does not exist fails loudly."""
    with pytest.raises(KeyError):
        Settings.defaults().get("chat", "nope")
