"""Live reload: good and bad files, atomic swap, options that wait for a restart."""

import threading
import time

import pytest
from structlog.testing import capture_logs

from gateway.config import ConfigError, SettingsSource
from gateway.config.source import watch


@pytest.fixture
def file(tmp_path):
    """A configuration file with one value."""
    path = tmp_path / "gateway.ini"
    path.write_text("[chat]\nmax_message_length=10\n")
    return path


def length(source: SettingsSource) -> int:
    """The value that the tests change."""
    return source.current.for_service("x").max_message_length


def test_changed_file_is_taken_over(file) -> None:
    """A poll after an edit swaps the snapshot and tells subscribers; one without an edit does nothing."""
    source = SettingsSource(file, {})
    seen = []
    source.subscribe(lambda old, new: seen.append((old, new)))
    before = source.current

    assert source.poll() is False
    file.write_text("[chat]\nmax_message_length=20\n")
    assert source.poll() is True
    assert length(source) == 20
    assert seen == [(before, source.current)]
    assert before.for_service("x").max_message_length == 10
    assert source.poll() is False


def test_bad_file_keeps_the_old_settings_and_is_logged_once(file) -> None:
    """A fault is recorded and logged with line and reason; the next good content clears it."""
    source = SettingsSource(file, {})
    before = source.current
    file.write_text("[chat]\nmax_message_length=none\n")
    with capture_logs() as logs:
        assert source.poll() is False
        assert source.poll() is False

    assert before is source.current
    assert source.last_error.line == 2
    rejected = [entry for entry in logs if entry["event"] == "config_rejected"]
    assert [(2, source.last_error.reason)] == [(entry["line"], entry["reason"]) for entry in rejected]
    file.write_text("[chat]\nmax_message_length=10\n")
    assert source.poll() is True
    assert source.last_error is None


def test_vanished_file_keeps_the_old_settings(file) -> None:
    """Removing the file is a fault like any other."""
    source = SettingsSource(file, {})
    file.unlink()

    assert source.poll() is False
    assert length(source) == 10
    assert "No such file" in source.last_error.reason


def test_start_with_a_bad_file_is_refused(file) -> None:
    """There are no old settings to keep at the start."""
    file.write_text("[chat\n")
    with pytest.raises(ConfigError):
        SettingsSource(file, {})


def test_option_after_restart_keeps_its_running_value(file) -> None:
    """Changed "after restart" options are pending, others of the same edit are live; reverting clears it."""
    source = SettingsSource(file, {})
    file.write_text(
        "[chat]\nenable_notification_mode=false\nmax_message_length=30\n[server]\nmount_prefix=/x\n"
    )
    with capture_logs() as logs:
        assert source.poll() is True

    assert length(source) == 30
    assert source.current.chat.enable_notification_mode is True
    assert source.current.server.mount_prefix == "/genesys"
    assert source.current.origin("server", "mount_prefix") == "default"
    assert source.pending() == ("[server] mount_prefix", "[chat] enable_notification_mode")
    assert [list(source.pending())] == [e["options"] for e in logs if e["event"] == "config_pending_restart"]
    file.write_text("[chat]\nmax_message_length=31\n")
    assert source.poll() is True
    assert source.pending() == ()


def test_held_profile_still_guards_the_new_values(file) -> None:
    """A value that only the pending profile would allow is rejected until the restart."""
    source = SettingsSource(file, {})
    file.write_text("[server]\nprofile=development\n[push]\ncustomhttp.url=http://r.example/\n")

    assert source.poll() is False
    assert "plain http to another machine" in source.last_error.reason
    assert SettingsSource(file, {}).current.server.profile == "development"


def test_changed_secret_file_is_taken_over(tmp_path) -> None:
    """A rotated secret file is a change of the configuration, without any ini file."""
    secret = tmp_path / "secret"
    secret.write_text("one\n")
    source = SettingsSource(None, {"GATEWAY__PUSH__CUSTOMHTTP_AUTHORIZATION_FILE": str(secret)})
    secret.write_text("two\n")

    assert source.poll() is True
    assert source.current.provider()["customhttp.authorization"] == "two"


def test_failing_subscriber_stops_nobody(file) -> None:
    """An error in one subscriber is logged and the next one is still told."""
    source = SettingsSource(file, {})
    told = []
    source.subscribe(lambda old, new: 1 / 0)
    source.subscribe(lambda old, new: told.append(new))
    file.write_text("[chat]\nmax_message_length=21\n")
    with capture_logs() as logs:
        assert source.poll() is True

    assert told == [source.current]
    assert "config_subscriber_failed" in [entry["event"] for entry in logs]


def test_poll_inside_a_poll_does_not_wait(file) -> None:
    """SIGHUP may interrupt a poll in its own thread; the inner poll returns at once."""
    source = SettingsSource(file, {})
    inner = []
    source.subscribe(lambda old, new: inner.append(source.poll()))
    file.write_text("[chat]\nmax_message_length=22\n")

    assert source.poll() is True
    assert inner == [False]


def test_readers_never_see_a_mix(file) -> None:
    """While a file flips between two states, every snapshot read has both values of one state (R24)."""
    source = SettingsSource(file, {})
    file.write_text("[chat]\nmax_message_length=1\ntyping_timeout=1\n")
    source.poll()
    stop, mixes = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            service = source.current.for_service("x")
            if service.max_message_length != service.typing_timeout_s:
                mixes.append(service)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(60):
        value = number % 2 + 1
        broken = (
            "[chat" if number % 3 == 0 else f"[chat]\nmax_message_length={value}\ntyping_timeout={value}\n"
        )
        file.write_text(broken)
        source.poll()
    stop.set()
    reader.join(timeout=10)

    assert mixes == []


def test_watch_polls_until_stopped(file) -> None:
    """The watching thread takes an edit over by itself and ends when told."""
    source = SettingsSource(file, {})
    stop = threading.Event()
    thread = watch(source, stop, interval=0.01)
    file.write_text("[chat]\nmax_message_length=40\n")
    deadline = time.monotonic() + 10
    while length(source) != 40 and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    thread.join(timeout=10)

    assert length(source) == 40
    assert not thread.is_alive()
