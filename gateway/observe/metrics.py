"""All metrics of the gateway in one table, and the object that holds them.

`services` builds one `Metrics` per node and passes it down; there is no global registry and no module-level
state, so tests and several nodes in one process do not mix. `METRICS` is the reference: the documentation
test compares it with the manual, and `Metrics` has one attribute of the same name per row.

Hot-path rule: code that counts per message binds its label child once (`bound`) and calls `inc` on it;
`bound` itself is one dictionary look-up. Label values come from closed sets of ours; should a value that a
client can choose slip in, MAX_CHILDREN keeps the number of time series bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

# Beyond this many combinations of a metric's label values all further ones count as OTHER.
MAX_CHILDREN = 200
OTHER = "other"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Seconds from commit to the receiver's answer: fast sinks answer in milliseconds, a retry takes minutes.
PUSH_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300)
# Seconds of a commit: 0.1 ms on a fast disk up to a disk in trouble.
COMMIT_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2)
# Changes in one group commit; the writer takes what has queued up meanwhile.
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One row of the reference; `kind` is `counter`, `gauge` or `histogram`."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


METRICS: tuple[MetricSpec, ...] = (
    MetricSpec(
        "push_notifications_total",
        "counter",
        "Attempts to notify a device, by channel, kind (event or reliable) and outcome.",
        ("channel", "kind", "outcome"),
    ),
    MetricSpec(
        "push_latency_seconds",
        "histogram",
        "Time from the commit of an event to the receiver's positive answer.",
        buckets=PUSH_BUCKETS,
    ),
    MetricSpec("push_pending", "gauge", "Due notifications that were not yet answered positively."),
    MetricSpec(
        "push_unretrieved",
        "gauge",
        "Chats with a reliable notification whose transcript was not retrieved yet.",
    ),
    MetricSpec("push_resends_total", "counter", "Reliable notifications that were sent again."),
    MetricSpec("push_dead_letters", "gauge", "Notifications given up, waiting for a replay by the operator."),
    MetricSpec(
        "push_destination_state",
        "gauge",
        "State of a destination: 0 closed (all is well), 1 half-open, 2 open (it fails), 3 disabled.",
        ("destination",),
    ),
    MetricSpec("push_skipped_total", "counter", "Events that were not pushed, by reason.", ("reason",)),
    MetricSpec(
        "push_subscription_rejected_total", "counter", "Refused push subscriptions, by reason.", ("reason",)
    ),
    MetricSpec("chats_started_total", "counter", "Chats started."),
    MetricSpec("chats_open", "gauge", "Chats that have not ended."),
    MetricSpec("idle_steps_total", "counter", "Alerts and closes of quiet chats, by step.", ("step",)),
    MetricSpec("chat_events_total", "counter", "Committed chat events, by type.", ("type",)),
    MetricSpec("chat_replays_total", "counter", "Operations answered again because of their message id."),
    MetricSpec("rate_limited_total", "counter", "Requests refused or merged by a rate limit.", ("limit",)),
    MetricSpec("bayeux_sessions", "gauge", "Live Bayeux sessions owned by this node."),
    MetricSpec(
        "bayeux_handshakes_total", "counter", "Successful Bayeux handshakes, by transport.", ("transport",)
    ),
    MetricSpec("bayeux_unknown_client_total", "counter", "Messages answered with 402::Unknown client."),
    MetricSpec(
        "http_requests_total",
        "counter",
        "Answered HTTP requests, by surface and status code.",
        ("surface", "status"),
    ),
    MetricSpec("store_commits_total", "counter", "Store transactions committed."),
    MetricSpec(
        "store_commit_seconds", "histogram", "Duration of a store transaction.", buckets=COMMIT_BUCKETS
    ),
    MetricSpec("store_batch_size", "histogram", "Changes per store transaction.", buckets=BATCH_BUCKETS),
    MetricSpec("store_failures_total", "counter", "Store transactions that failed."),
    MetricSpec(
        "config_reloads_total",
        "counter",
        "Configuration reloads, by outcome (applied or refused).",
        ("outcome",),
    ),
    MetricSpec(
        "file_uploads_total", "counter", "Uploads, by outcome (stored, refused or failed).", ("outcome",)
    ),
    MetricSpec("file_downloads_total", "counter", "Downloads of files, by who asked.", ("by",)),
    MetricSpec("file_scans_total", "counter", "Scans of files, by verdict (clean or blocked).", ("verdict",)),
    MetricSpec("file_bytes", "gauge", "Size of all files, uploads on their way included."),
    MetricSpec("websocket_connections", "gauge", "Open websockets."),
    MetricSpec("held_polls", "gauge", "Long-polls held open."),
    MetricSpec(
        "slow_clients_closed_total",
        "counter",
        "Connections closed for being slow (header, body, write, outbox) or too many (address).",
        ("reason",),
    ),
)


class Metrics:
    """The metrics of one node: one attribute per row of METRICS, a Prometheus counter, gauge or histogram."""

    push_notifications_total: Counter
    push_latency_seconds: Histogram
    push_pending: Gauge
    push_unretrieved: Gauge
    push_resends_total: Counter
    push_dead_letters: Gauge
    push_destination_state: Gauge
    push_skipped_total: Counter
    push_subscription_rejected_total: Counter
    chats_started_total: Counter
    chats_open: Gauge
    idle_steps_total: Counter
    chat_events_total: Counter
    chat_replays_total: Counter
    rate_limited_total: Counter
    bayeux_sessions: Gauge
    bayeux_handshakes_total: Counter
    bayeux_unknown_client_total: Counter
    http_requests_total: Counter
    store_commits_total: Counter
    store_commit_seconds: Histogram
    store_batch_size: Histogram
    store_failures_total: Counter
    config_reloads_total: Counter
    file_uploads_total: Counter
    file_downloads_total: Counter
    file_scans_total: Counter
    file_bytes: Gauge
    websocket_connections: Gauge
    held_polls: Gauge
    slow_clients_closed_total: Counter

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._children: dict[str, dict[tuple[str, ...], Any]] = {}
        for spec in METRICS:
            setattr(self, spec.name, _build(spec, self.registry))
            self._children[spec.name] = {}
        ProcessCollector(registry=self.registry)

    def bound(self, name: str, *values: str) -> Any:
        """Return the child of metric `name` for these label values (in the order of its row).

        The child is kept: callers on a hot path hold it, others may ask each time. Values beyond MAX_CHILDREN
        combinations share the child whose labels are all OTHER.
        """
        children = self._children[name]
        child = children.get(values)
        if child is None:
            if len(children) >= MAX_CHILDREN:
                values = (OTHER,) * len(values)
            child = children[values] = getattr(self, name).labels(*values)
        return child

    def render(self) -> bytes:
        """Return all metrics in the Prometheus text format, for `/metrics` (type CONTENT_TYPE)."""
        return generate_latest(self.registry)


def _build(spec: MetricSpec, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    if spec.kind == "histogram":
        return Histogram(spec.name, spec.help, spec.labels, registry=registry, buckets=spec.buckets)
    family: type[Counter | Gauge] = {"counter": Counter, "gauge": Gauge}[spec.kind]
    return family(spec.name, spec.help, spec.labels, registry=registry)
