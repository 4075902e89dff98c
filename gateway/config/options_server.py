"""Option cards of the process itself: [server], [store], [cluster], [log], [demo]."""

from __future__ import annotations

from functools import partial

from gateway.config.kinds import BOOLEAN, choice, integer, pattern, text
from gateway.config.kinds_net import ORIGINS
from gateway.config.option import Option

_server = partial(Option, section="server")

SERVER = (
    _server(
        name="mount_prefix",
        kind=pattern(
            r"(/[A-Za-z0-9._~-]+)*", valid="path without a final slash, such as /genesys; empty = the root"
        ),
        default="/genesys",
        takes_effect="after restart",
        text="Path in front of the GMS resources `/2/chat/...` and `/cometd`.",
    ),
    _server(
        name="cors_allow_origins",
        kind=ORIGINS,
        default=("*",),
        text="Web origins that may use REST, CometD and the websocket upgrade. `*` reflects any origin. "
        "The own origin is always allowed, `null` never.",
    ),
    _server(
        name="profile",
        kind=choice("production", "development"),
        default="production",
        takes_effect="after restart",
        text="`development` eases defaults for work on one machine: client debug selection, private push "
        "networks, plain http push destinations.",
    ),
    _server(
        name="proxy_count",
        kind=integer(0, 16),
        default=0,
        takes_effect="after restart",
        text="Number of trusted reverse proxies in front; that many `X-Forwarded-*` values are believed, "
        "counted from the right. 0 = these headers are ignored.",
    ),
    _server(
        name="max_body_size",
        attr="max_body_size_bytes",
        kind=integer(1024, 1_073_741_823, unit="bytes"),
        default=1_048_576,
        takes_effect="after restart",
        text="Largest accepted request body (413 above it).",
    ),
    _server(
        name="static_source",
        kind=BOOLEAN,
        default=False,
        takes_effect="after restart",
        text="Serve the scripts of widget and pages as they are in the repository, for debugging. Otherwise "
        "comments and indentation are left out and the widget is one file.",
    ),
)

STORE = (
    Option(
        section="store",
        name="path",
        kind=text(4096, required=True),
        default="gateway.sqlite3",
        takes_effect="after restart",
        text="Database file. A relative path is meant from the directory `DATA_DIR`.",
    ),
    Option(
        section="store",
        name="durability",
        kind=choice("strict"),
        default="strict",
        takes_effect="after restart",
        text="`strict`: an operation is answered only after its commit has reached the disk.",
    ),
)

CLUSTER = (
    Option(
        section="cluster",
        name="name",
        kind=text(128),
        default="",
        takes_effect="after restart",
        text="Node group of this node, compared with `GCTI_GMS_NodeGroup` of a push subscription. Empty = "
        "the node serves every group.",
    ),
)

LOG = (
    Option(
        section="log",
        name="format",
        kind=choice("json", "genesys", "console"),
        default="json",
        takes_effect="after restart",
        text="Form of the log lines: `json` for machines, `genesys` with level word and 5-digit id, "
        "`console` for people.",
    ),
    Option(
        section="log",
        name="level",
        kind=choice("debug", "info", "warning", "error"),
        default="info",
        text="Lowest level that is written.",
    ),
)

DEMO = (
    Option(
        section="demo",
        name="enabled",
        kind=BOOLEAN,
        default=False,
        takes_effect="after restart",
        text="Demo page, demo push receiver, demo bot, and an agent login for whoever opens the page.",
    ),
)

OPTIONS = (*SERVER, *STORE, *CLUSTER, *LOG, *DEMO)
