"""Kinds for addresses: URLs, web origins, IP networks, header names, credentials.

Hostile or careless values end here: user info in a URL, control characters in a header, the origin `null`.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from gateway.config.kinds import Kind, split_list

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# What no URL may hold literally; a template's <hostname> is caught by this.
_UNSAFE_IN_URL = re.compile(r"[\s<>\"{}|\\^`]")
# RFC 9110 5.6.2, the characters of a header name.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}", re.ASCII)
# Standard Webhooks: a symmetric key of 24 to 64 bytes, shown in base64 behind this prefix.
_SECRET_PREFIX, _SHORTEST_KEY, _LONGEST_KEY = "whsec_", 24, 64
# Headers that belong to the transport; setting them by hand would break or smuggle a request.
_RESERVED_HEADERS = ("host", "content-length", "content-type", "transfer-encoding", "connection", "expect")


def _split_http(text: str) -> SplitResult:
    """The parts of an absolute http(s) URL; ValueError for anything else, user info included."""
    if _UNSAFE_IN_URL.search(text):
        raise ValueError
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError
    if parts.port == 0:  # reading `port` also refuses what is no number
        raise ValueError
    return parts


def _parse_url(text: str) -> str | None:
    if text and _split_http(text).fragment:
        raise ValueError
    return text or None


def _parse_origins(text: str) -> tuple[str, ...]:
    items = split_list(text)
    if "*" in items:
        if len(items) > 1:
            raise ValueError
        return items
    return tuple(dict.fromkeys(_parse_origin(item) for item in items))


def _parse_origin(text: str) -> str:
    parts = _split_http(text.lower())
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError
    return f"{parts.scheme}://{parts.netloc}"


def _parse_networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(item, strict=False) for item in split_list(text))


def _parse_basic(text: str) -> str:
    user, colon, _password = text.partition(":")
    if text and not (user and colon):
        raise ValueError
    return text


def header_name(text: str) -> str:
    """The canonical (lower-case) name of a configurable header; ValueError when it may not be set."""
    if not _TOKEN.fullmatch(text) or text.lower() in _RESERVED_HEADERS:
        raise ValueError
    return text.lower()


def _parse_header_value(text: str) -> str:
    # http.client writes header values as latin-1; a character outside would fail at send time.
    text.encode("latin-1")
    if len(text) > 8192:  # the usual limit of receivers for one header
        raise ValueError
    return text


def _parse_signing_secret(text: str) -> str:
    if text:
        if not text.startswith(_SECRET_PREFIX):
            raise ValueError
        key = base64.b64decode(text.removeprefix(_SECRET_PREFIX), validate=True)
        if not _SHORTEST_KEY <= len(key) <= _LONGEST_KEY:
            raise ValueError
    return text


def is_loopback_url(url: str) -> bool:
    """True when `url` names this machine: localhost or an address of the loopback networks."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


HTTP_URL = Kind("http or https URL without user info and fragment; empty = none", _parse_url)
ORIGINS = Kind(
    "* or a comma list of origins such as https://www.example.com; empty = the own origin only",
    _parse_origins,
    many=True,
)
NETWORKS = Kind("comma list of networks such as 10.0.0.0/8, fd00::/8", _parse_networks, many=True)
BASIC = Kind("user:password; empty = none", _parse_basic)
HEADER_VALUE = Kind("header value on one line, latin-1, at most 8192 characters", _parse_header_value)
SIGNING_SECRET = Kind("whsec_ and the base64 of 24 to 64 bytes; empty = none", _parse_signing_secret)
