"""A real gateway: gunicorn with the shipped configuration, on a free port and a data directory of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import requests

from gateway.chat.accounts import Accounts
from gateway.clock import SystemClock
from gateway.ids import Ids
from gateway.services import Installation
from support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
QUIET = "[limits]\nenabled=false\n[log]\nlevel=warning\n"


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class RunningGateway:
    """Starts on construction, stops on `stop` or as a context manager; `kill` is SIGKILL to all of it."""

    app = "wsgi:app"  # what gunicorn serves; a subclass may name another

    def __init__(
        self, directory: Path, ini: str = QUIET, *, port: int | None = None, env: dict[str, str] | None = None
    ) -> None:
        self.directory = directory
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}"
        self.config = directory / "gateway.ini"
        self.config.write_text(ini)
        self.data_dir = directory / "data"
        self.log_path = directory / "gateway.log"
        self.extra_env = env or {}
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def env(self) -> dict[str, str]:
        """The environment of the gateway and of its command line."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GATEWAY")}
        own = {
            "PORT": str(self.port),
            "HOST": "127.0.0.1",
            "DATA_DIR": str(self.data_dir),
            "GATEWAY_CONFIG": str(self.config),
        }
        return kept | own | self.extra_env

    def start(self) -> None:
        """Start (again) on the same port and data directory and wait until it answers."""
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", self.app]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        eventually(self._answers, timeout=20, what=f"gateway on port {self.port}; see {self.log_path}")

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"gateway ended with {self.process.returncode}: {self.log()[-2000:]}")
        try:
            return requests.get(f"{self.url}/healthz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def worker_pids(self) -> list[int]:
        """The worker processes that live now (Linux)."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def stop(self) -> int:
        """Graceful stop; the exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self.process = None
        return code

    def kill(self) -> None:
        """SIGKILL to master and worker at once."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=10)
            self.process = None

    def restart(self) -> None:
        """Kill -9 and start again."""
        self.kill()
        self.start()

    def cli(self, *arguments: str) -> str:
        """Run the `gateway` command on this installation; its standard output."""
        command = [sys.executable, "-m", "gateway.cli", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def token(self, role: str, name: str) -> str:
        """A fresh bearer token, made beside the running gateway as `gateway token create` makes it."""
        installation = Installation.from_environment(self.env)
        store = installation.open_store(installation.settings_source().current)
        try:
            return Accounts(store, Ids(), SystemClock()).create(role, name)
        finally:
            store.close()

    def log(self) -> str:
        """Everything that it has written to its log."""
        return self.log_path.read_text(errors="replace")

    def __enter__(self) -> RunningGateway:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
