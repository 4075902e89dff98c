"""What the master does before the first fork, and the shipped gunicorn.conf.py."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.worker import boot

CONFIG = Path(__file__).parents[3] / "gunicorn.conf.py"


def test_the_data_directory_is_made_private(tmp_path):
    """A missing data directory is created readable by its owner alone, with the lock file in it."""
    directory = tmp_path / "a" / "data"
    lock = boot.claim_data_dir(directory)
    modes = [path.stat().st_mode & 0o777 for path in (directory, directory / "gateway.lock")]
    os.close(lock)

    assert modes == [0o700, 0o600]


def test_two_gateways_never_share_a_data_directory(tmp_path):
    """While one holds the lock another is refused in one line; afterwards it is welcome."""
    lock = boot.claim_data_dir(tmp_path)
    with pytest.raises(SystemExit, match="in use by another gateway") as refused:
        boot.claim_data_dir(tmp_path, patience=0)
    os.close(lock)
    os.close(boot.claim_data_dir(tmp_path, patience=0))

    assert "\n" not in str(refused.value)


def test_an_unusable_data_directory_is_refused(tmp_path):
    """A file in the way is named in the message."""
    (tmp_path / "data").write_text("")

    with pytest.raises(SystemExit, match="cannot use data directory"):
        boot.claim_data_dir(tmp_path / "data")


def test_exactly_one_worker_is_accepted():
    """More than one worker is refused in one line that says what to do."""
    boot.refuse_several_workers(1)

    with pytest.raises(SystemExit, match="use -w 1"):
        boot.refuse_several_workers(4)


def test_the_file_limit_is_raised_to_the_hard_limit():
    """The soft limit of open files becomes the hard one."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, before[1]), before[1]))
        boot.raise_file_limit()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert soft == min(hard, boot.MAX_FILES)


def gunicorn(tmp_path, *arguments, **environ):
    """Run gunicorn with the shipped settings until it ends."""
    return subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", CONFIG, "nothing:app", *arguments],
        env={**os.environ, "DATA_DIR": str(tmp_path / "data"), **environ},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_gunicorn_refuses_several_workers_before_it_starts_any(tmp_path):
    """`-w 2` ends with status 1 and a one-line reason."""
    ended = gunicorn(tmp_path, "-w", "2")

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("gateway: 2 workers asked for")
    assert "Traceback" not in ended.stderr


def test_the_shipped_settings(tmp_path):
    """The environment reaches the settings, and the command line wins over both."""
    printed = gunicorn(tmp_path, "--print-config", "-b", "127.0.0.1:1", HOST="::1", PORT="99")
    values = dict(line.split("=", 1) for line in printed.stdout.splitlines() if "=" in line)
    values = {name.strip(): value.strip() for name, value in values.items()}

    assert values["bind"] == "['127.0.0.1:1']"
    assert values["worker_class"] == "gateway.worker.GatewayWorker"
    assert values["control_socket_disable"] == "True"
    assert [values[name] for name in ("keepalive", "graceful_timeout", "max_requests")] == ["75", "20", "0"]
    assert not (tmp_path / "data").exists()
