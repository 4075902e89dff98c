"""The command group `config`."""

import pytest
from click.testing import CliRunner

from gateway.config import Settings, docs
from gateway.config.commands import config


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs `config ...` in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments, env=None):
        return CliRunner().invoke(config, arguments, env=env)

    return invoke


def test_check_accepts_and_prints_warnings(run, tmp_path) -> None:
    """A usable file exits with 0 and its warnings are printed."""
    (tmp_path / "g.ini").write_text("[nope]\n")
    result = run("check", "g.ini")

    assert result.exit_code == 0
    assert "warning: g.ini:1: section [nope] is unknown" in result.output


def test_check_refuses_in_one_line(run, tmp_path) -> None:
    """A bad file exits with 1 and one line."""
    (tmp_path / "g.ini").write_text("[log]\nlevel=loud\n")
    result = run("check", "g.ini")

    assert result.exit_code == 1
    assert (
        result.output
        == "Error: g.ini:2: [log] level='loud' is not possible; valid values: debug, info, warning, error\n"
    )


def test_check_of_a_missing_file_fails(run) -> None:
    """A file that is not there exits with 1."""
    assert run("check", "none.ini").exit_code == 1


SHOWN = """\
[chat]
apikeys=key1,key2
[chat.demo]
max_message_length=7
[push]
pushEnabled=comet,customhttp
customhttp.url=https://x.example/
customhttp.header.X-Key=hidden
[push.provider.p]
customhttp.message=hi
[settings]
flex-push-content=user-id
"""


def test_show_masks_secrets_and_names_origins(run, tmp_path) -> None:
    """Effective values are listed with their origin; secrets never are."""
    (tmp_path / "g.ini").write_text(SHOWN)
    output = run("show", "--origin", "--file", "g.ini", env={"GATEWAY__LOG__LEVEL": "debug"}).output

    assert "key1" not in output
    assert "hidden" not in output
    assert "# apikeys=******** (secret)\n# ^ g.ini:2\n" in output
    assert "level=debug\n# ^ env GATEWAY__LOG__LEVEL\n" in output
    assert "mount_prefix=/genesys\n# ^ default\n" in output
    assert "[chat.demo]\nmax_message_length=7\n# ^ g.ini:4\n" in output


@pytest.mark.parametrize("options", [(), ("--origin",)])
def test_show_loads_to_the_same_values(run, tmp_path, options) -> None:
    """What `config show` prints is a configuration with the same effective values, secrets apart."""
    (tmp_path / "g.ini").write_text(SHOWN)
    again = Settings.from_text(run("show", "--file", "g.ini", *options).output)

    for item in Settings.from_text(SHOWN).items():
        if not item.option.secret:
            assert item.value == again.get(item.section, item.name)


def test_docs_writes_and_checks_the_reference(run, tmp_path) -> None:
    """`docs` writes the file; `--check` fails when it is missing or stale."""
    assert run("docs", "--path", "o.md", "--check").exit_code == 1
    assert run("docs", "--path", "o.md").exit_code == 0
    assert docs.render() == (tmp_path / "o.md").read_text()
    assert run("docs", "--path", "o.md", "--check").exit_code == 0
    (tmp_path / "o.md").write_text("old")
    assert run("docs", "--path", "o.md", "--check").exit_code == 1
