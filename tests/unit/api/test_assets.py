"""Files of the pages: small, compressed, and kept by browsers exactly as long as they are right."""

from __future__ import annotations

import gzip
import os
import re
from functools import partial
from itertools import count

import pytest
from flask import Flask

from gateway.api import pages
from gateway.api.assets import LOOK_EVERY_S, Assets

SOURCE = "// a comment\nexport const name = `a  b`;\nexport const other = 1;\n"
FILES = {
    "widget/embed.js": '// @VERSION@\nconst version = "@VERSION@";\n',
    "widget/widget.js": 'import { name } from "../lib/name.js";\n\nexport const shown = name; // a comment\n',
    "lib/name.js": SOURCE,
    "lib/words.json": '{"a": "%s"}' % ("la " * 100),
    "demo/app.js": SOURCE,
    "demo/index.html": "<!doctype html>",
}
FOR_GOOD = "public, max-age=31536000, immutable"


@pytest.fixture
def directory(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def client_of(directory, *, source=False, monotonic=None):
    """Without a clock of its own each request is two seconds later."""
    monotonic = monotonic or partial(next, count(step=2))
    app = Flask("pages", static_folder=None)
    app.register_blueprint(
        pages.create_blueprint(
            directory=directory, mount_prefix="", demo=False, source=source, monotonic=monotonic
        )
    )
    return app.test_client()


def version_in(client) -> str:
    return re.search(r'version="(\w+)"', client.get("/static/widget/embed.js").text)[1]


def rewrite(path, text):
    """A later change, also where the clock of the file system is coarse."""
    before = path.stat().st_mtime_ns
    path.write_text(text)
    os.utime(path, ns=(before + 10**9, before + 10**9))


def test_scripts_come_without_comments(directory):
    """Comments and indentation are left out, what a text literal contains is not."""
    assert client_of(directory).get("/static/lib/name.js").text == (
        "export const name=`a  b`;export const other=1;"
    )


def test_scripts_of_the_gateways_own_pages_are_as_written(directory):
    """Only what other sites wait for is made small."""
    assert client_of(directory).get("/static/demo/app.js").text == SOURCE


def test_the_widget_is_one_file(directory):
    """The widget's module comes with what it imports, so that there is one request."""
    text = client_of(directory).get("/static/widget/widget.js").text
    assert "import" not in text
    assert text.index("name=`a  b`") < text.index("export const shown=name;")


def test_a_browser_that_asks_for_gzip_gets_it(directory):
    """Compressed for who takes it, plain for who does not; caches on the way are told."""
    client = client_of(directory)
    plain = client.get("/static/lib/words.json")
    packed = client.get("/static/lib/words.json", headers={"Accept-Encoding": "br, gzip"})
    refused = client.get("/static/lib/words.json", headers={"Accept-Encoding": "gzip;q=0"})
    assert gzip.decompress(packed.data) == plain.data == refused.data
    assert [answer.headers.get("Content-Encoding") for answer in (plain, packed, refused)] == [
        None,
        "gzip",
        None,
    ]
    assert {answer.headers["Vary"] for answer in (plain, packed, refused)} == {"Accept-Encoding"}
    assert plain.headers["ETag"] != packed.headers["ETag"]


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_an_unchanged_file_is_not_sent_again(directory, encoding):
    """The strong tag of the first answer makes the second one a 304; a file that has changed is sent."""
    client = client_of(directory)
    headers = {"Accept-Encoding": encoding}
    first = client.get("/static/lib/words.json", headers=headers)
    tag = first.headers["ETag"]
    assert not tag.startswith("W/")
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get("/static/lib/words.json", headers=headers | {"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert again.headers["Access-Control-Allow-Origin"] == "*"
    rewrite(directory / "lib/words.json", "{}")
    changed = client.get("/static/lib/words.json", headers=headers | {"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


def test_the_entry_names_an_address_that_is_kept_for_good(directory):
    """The entry script is asked about each time; what it loads has an address that never means another."""
    client = client_of(directory)
    assert client.get("/static/widget/embed.js").headers["Cache-Control"] == "no-cache"
    answer = client.get(f"/static/-/{version_in(client)}/widget/widget.js")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, FOR_GOOD)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("name", ["lib/name.js", "lib/words.json", "widget/widget.js"])
def test_any_change_is_a_new_version(directory, name):
    """When a file changes, so does the version; the old address still works and is not kept."""
    client = client_of(directory)
    old = version_in(client)
    assert version_in(client) == old == version_in(client_of(directory))
    rewrite(directory / name, FILES[name] + "\n")
    assert version_in(client) != old
    answer = client.get(f"/static/-/{old}/{name}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


def test_the_files_are_looked_at_once_a_second(directory):
    """Within a second the version is the known one, however often it is asked for."""
    now = [0.0]
    client = client_of(directory, monotonic=lambda: now[0])
    old = version_in(client)
    rewrite(directory / "lib/words.json", "{}")
    now[0] += LOOK_EVERY_S * 0.9
    assert version_in(client) == old
    now[0] += LOOK_EVERY_S * 0.2
    assert version_in(client) != old


def test_a_change_of_a_part_reaches_the_widget(directory):
    """The one file is put together again when a module in it has changed."""
    client = client_of(directory)
    assert "a  b" in client.get("/static/widget/widget.js").text
    rewrite(directory / "lib/name.js", "export const name = `c`;\n")
    assert "`c`" in client.get("/static/widget/widget.js").text


def test_source_is_served_as_it_was_written(directory):
    """`static_source`: comments, separate modules and the entry's placeholder stay; nothing is kept."""
    client = client_of(directory, source=True)
    for name in ("widget/embed.js", "widget/widget.js", "lib/name.js"):
        answer = client.get(f"/static/{name}")
        assert (answer.text, answer.headers["Cache-Control"]) == (FILES[name], "no-cache")
    version = version_in(client_of(directory))
    assert client.get(f"/static/-/{version}/lib/name.js").headers["Cache-Control"] == "no-cache"


def test_a_file_is_prepared_once_whatever_it_is_called(directory):
    """Other spellings of a name cannot fill the memory."""
    assets = Assets(directory)
    assert assets.get("lib/name.js") is assets.get("lib/./name.js") is assets.get("widget/../lib//name.js")


@pytest.mark.parametrize("prefix", ["", "-/x/"])
@pytest.mark.parametrize(
    "name", ["../x.js", "demo/index.html", "nope.js", "lib", "lib/name.js\0", "%2e%2e/x.js"]
)
def test_nothing_else_is_served(directory, prefix, name):
    """No page, no folder, nothing outside, under either kind of address."""
    (directory.parent / "x.js").write_text("secret")
    assert client_of(directory).get(f"/static/{prefix}{name}").status_code == 404
