"""The pages: served with a strict policy, using own files only, and never parsing HTML from data."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from gateway.api import pages

STATIC = pages.static_directory()
TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml; charset=utf-8",
}
PAGES = {
    "/": "",
    "/docs": "",
    "/demo/": "../",
    "/demo/shop/": "../../",
    "/console/": "../",
    "/operator/": "../",
}


def make_client(*, demo=True, mount_prefix="/genesys"):
    app = Flask("pages", static_folder=None)
    app.register_blueprint(pages.create_blueprint(directory=STATIC, mount_prefix=mount_prefix, demo=demo))
    return app.test_client()


# These hold a credential and allow less, see below.
STRICTER = ("/operator/", "/console/")
FRAMED = ("/console/", "/demo/shop/")


@pytest.mark.parametrize("path", [path for path in PAGES if path not in (*STRICTER, "/demo/shop/")])
def test_every_page_comes_with_the_strict_policy(path):
    """Own files only, no frames, no plugins, Trusted Types; no inline script or style in the page."""
    answer = make_client().get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")
    for part in ("default-src 'self'", "base-uri 'none'", "frame-ancestors 'none'", "object-src 'none'"):
        assert part in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert "connect-src 'self' ws://localhost;" in policy
    assert (
        answer.headers["X-Content-Type-Options"],
        answer.headers["Referrer-Policy"],
    ) == ("nosniff", "no-referrer")
    assert not re.search(r"<style|<script>|\sstyle=|\son\w+=", answer.text)


@pytest.mark.parametrize(
    ("page", "connect"), [("/operator/", "'self'"), ("/console/", "'self' ws://localhost")]
)
def test_pages_that_hold_a_credential_allow_less_than_the_others(page, connect):
    """Own scripts, styles and requests, the console's own websocket, nothing else, and no inline code."""
    answer = make_client(demo=False).get(page)
    policy = dict(
        part.strip().partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": connect,
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert not re.search(r"<style|<script>|\sstyle=|\son\w+=", answer.text)


@pytest.mark.parametrize("demo", [True, False])
@pytest.mark.parametrize("path", PAGES)
def test_only_the_demo_frames_console_and_shop(path, demo):
    """Nobody frames a page, but in demo mode the gateway's own demo page shows two of them."""
    if path.startswith("/demo/") and not demo:
        return  # it is not there
    policy = make_client(demo=demo).get(path).headers["Content-Security-Policy"]
    allowed = "'self'" if demo and path in FRAMED else "'none'"
    assert f"frame-ancestors {allowed}" in policy


@pytest.mark.parametrize("path", PAGES)
def test_every_file_of_a_page_is_there(path):
    """All references are relative (a proxy prefix works) and lead to files with the right type."""
    client = make_client()
    references = re.findall(r'(?:href|src)="([^"#]+)"', client.get(path).text)
    assets = [name for name in references if "static/" in name]
    assert assets
    assert not [name for name in references if name.startswith(("/", "http"))]
    for name in assets:
        answer = client.get("/" + name.removeprefix(PAGES[path]))
        assert (answer.status_code, answer.content_type) == (200, TYPES[name.rsplit(".")[-1]]), name


def test_the_mount_prefix_is_filled_in_safely():
    """The prefix reaches the page as an attribute, escaped."""
    assert 'data-mount="/gms/x"' in make_client(mount_prefix="/gms/x").get("/demo/shop/").text
    assert 'data-mount="&quot;&gt;&lt;b&gt;"' in make_client(mount_prefix='"><b>').get("/demo/shop/").text


def test_the_demo_page_belongs_to_the_demo():
    """Without demo mode the page is not there, the others are."""
    client = make_client(demo=False)
    assert (client.get("/demo/").status_code, client.get("/docs").status_code) == (404, 200)


@pytest.mark.parametrize(
    "path", ["../gateway/ids.py", "%2e%2e/setup.cfg", "demo/index.html", "nope.js", "lib", ""]
)
def test_only_assets_are_served(path):
    """No way out of the directory, no page under a second address."""
    assert make_client().get(f"/static/{path}").status_code == 404


def test_a_strange_host_header_stays_out_of_the_policy():
    """The Host header is the client's text; only a plain host and port are copied."""
    answer = make_client().get("/", environ_overrides={"HTTP_HOST": "x; script-src *"})
    assert answer.status_code == 400 or "script-src" not in answer.headers["Content-Security-Policy"]


def test_docs_with_a_slash_is_the_same_page():
    """A habit of browsers' users."""
    answer = make_client().get("/docs/")
    assert (answer.status_code, answer.headers["Location"]) == (308, "../docs")


@pytest.mark.parametrize("file", sorted(STATIC.rglob("*.js")), ids=lambda file: file.name)
def test_scripts_use_text_nodes_and_relative_imports_only(file):
    """No HTML parsing, no eval, nothing from elsewhere."""
    code = file.read_text(encoding="utf-8")
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|"
        r"https?://(?!www\.w3\.org/2000/svg)\w"  # the name of a vocabulary, never loaded
    )
    assert not re.search(forbidden, code)
    assert all(name.startswith((".", "/")) for name in re.findall(r'from "([^"]+)"', code))


@pytest.mark.parametrize(
    ("path", "origin"), [("widget/embed.js", "*"), ("lib/bayeux.js", "*"), ("demo/app.js", None)]
)
def test_only_the_widget_may_be_loaded_by_other_origins(path, origin):
    """Modules of the widget are readable by pages of any origin; the other pages' files are not."""
    answer = make_client().get(f"/static/{path}")
    assert answer.status_code == 200
    assert answer.headers.get("Access-Control-Allow-Origin") == origin
