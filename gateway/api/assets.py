"""The files of `static/` as browsers get them: compressed, cached, the widget's scripts without comments.

The repository keeps scripts as people write them; nothing is built. Each file is prepared when it is first
asked for and again when it has changed on the disk, so an edit shows on the next reload. What pages of other
sites wait for (`EMBEDDED`) loses its comments and indentation, and the widget is one file with all its
modules (`bundle.py`). `[server] static_source` leaves everything as it is, for debugging.

Two addresses lead to a file. `/static/<name>` is asked about on every load; a strong ETag makes that an empty
304. `/static/-/<version>/<name>` never changes, because `version` is a hash of everything in `static/`;
browsers keep it. The widget's entry script has the first address and names the second
(`VERSION_PLACEHOLDER`), so a page of another site embeds one address for ever and loads the rest once for
each release. Imports are relative: they stay below the version they came from.

`Assets` is used by `pages.py` alone and may be called by several requests at once: the worst that happens is
that a file is prepared twice.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import rjsmin
from flask import Request, Response
from werkzeug.security import safe_join

from gateway import __version__
from gateway.api.bundle import bundle

# Python guesses types from the machine's tables, which may call a module text/plain; browsers then refuse it.
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
# What pages of other sites load: the chat widget and what it imports. Their scripts are made small by a
# library that does not understand a template literal inside another; the linter forbids these here, and a
# test compares the programs.
EMBEDDED = ("widget/", "lib/")
# The script that those pages name; it names the version of what it loads.
ENTRY = "widget/embed.js"
VERSION_PLACEHOLDER = "@VERSION@"
# Served with everything that it imports.
BUNDLED = "widget/widget.js"
# Looking at every file takes two milliseconds, in which nothing else is answered.
LOOK_EVERY_S = 1.0
# A year, the longest that caches are told anything.
_FOR_GOOD = "public, max-age=31536000, immutable"
_ASK_EACH_TIME = "no-cache"

# What says that a file is still the one that was read: size and time of the change (ns).
Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Asset:
    """A file ready to be sent. `compressed` is None where gzip gains nothing."""

    mimetype: str
    body: bytes
    compressed: bytes | None
    etag: str


class Assets:
    """The files below `directory`, prepared once each."""

    def __init__(
        self, directory: Path, *, source: bool = False, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._directory = directory
        self._source = source
        self._monotonic = monotonic
        self._made: dict[str, tuple[Stamp, str, Asset]] = {}
        self._version: tuple[dict[str, Stamp], str] = ({}, "")
        self._look_again_s = -math.inf

    def get(self, name: str) -> Asset | None:
        """The file of this name, or None; pages are not here, they have addresses of their own."""
        joined = safe_join(str(self._directory), name)
        if joined is None:
            return None
        path = Path(joined)
        stamp = _stamp(path) if path.suffix in TYPES else None
        if stamp is None:
            return None
        name = path.relative_to(self._directory).as_posix()  # one name for each file: the cache is bounded
        # These two change with other files, too.
        version = self.version() if name in (ENTRY, BUNDLED) and not self._source else ""
        known = self._made.get(name)
        if known is not None and known[:2] == (stamp, version):
            return known[2]
        asset = self._prepare(name, version)
        self._made[name] = (stamp, version, asset)
        return asset

    def version(self) -> str:
        """A name for the contents of all files, equal on every node with the same; a second old at most."""
        now_s = self._monotonic()
        if now_s < self._look_again_s:
            return self._version[1]
        stamps = {}
        for path in sorted(self._directory.rglob("*")):
            stamp = _stamp(path) if path.suffix in TYPES else None
            if stamp is not None:
                stamps[path.relative_to(self._directory).as_posix()] = stamp
        known, version = self._version
        if stamps != known:
            # What is made of the files may be another thing in another release.
            digest = hashlib.sha256(__version__.encode())
            for name in stamps:
                content = (self._directory / name).read_bytes()
                digest.update(b"%b\0%d\0%b" % (name.encode(), len(content), content))
            version = digest.hexdigest()[:16]
            self._version = (stamps, version)
        self._look_again_s = now_s + LOOK_EVERY_S
        return version

    def respond(self, asset: Asset, request: Request, *, version: str = "") -> Response:
        """The answer to a GET or HEAD: 200, or 304 to who has it; `version` is the one in the address."""
        compressed = asset.compressed if request.accept_encodings.quality("gzip") > 0 else None
        response = Response(asset.body if compressed is None else compressed, mimetype=asset.mimetype)
        if compressed is not None:
            response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        response.set_etag(asset.etag if compressed is None else f"{asset.etag}-gzip")
        # An entry script that is older than this gateway names a version that is gone: nothing to keep.
        lasting = version != "" and not self._source and version == self.version()
        response.headers["Cache-Control"] = _FOR_GOOD if lasting else _ASK_EACH_TIME
        response.make_conditional(request)
        return response

    def _prepare(self, name: str, version: str) -> Asset:
        path = self._directory / name
        body = path.read_bytes()
        if path.suffix == ".js" and name.startswith(EMBEDDED) and not self._source:
            text = bundle(name, self._read) if name == BUNDLED else body.decode()
            if name == ENTRY:
                text = text.replace(VERSION_PLACEHOLDER, version)
            body = rjsmin.jsmin(text).encode()
        # Without a time in it, so that the same file gives the same bytes.
        compressed = gzip.compress(body, 9, mtime=0)
        etag = hashlib.sha256(body).hexdigest()[:32]
        return Asset(TYPES[path.suffix], body, compressed if len(compressed) < len(body) else None, etag)

    def _read(self, name: str) -> str:
        return (self._directory / name).read_text(encoding="utf-8")


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size) if stat.S_ISREG(found.st_mode) else None
