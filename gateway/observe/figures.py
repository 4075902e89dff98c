"""The metrics as one number each, for a page that draws lines; /metrics has them in full."""

from __future__ import annotations

from gateway.observe.metrics import METRICS, Metrics


def figures(metrics: Metrics) -> dict[str, float]:
    """The value of every counter and gauge by name, its labels summed up.

    The states of `push_destination_state` have no sum and are left out. `push_delivered_total` is the part of
    `push_notifications_total` that arrived.
    """
    found = {
        spec.name: sum(sample.value for sample in _samples(metrics, spec.name))
        for spec in METRICS
        if spec.kind != "histogram" and spec.name != "push_destination_state"
    }
    found["push_delivered_total"] = sum(
        sample.value
        for sample in _samples(metrics, "push_notifications_total")
        if sample.labels["outcome"] == "delivered"
    )
    return found


def _samples(metrics: Metrics, name: str):  # type: ignore[no-untyped-def] # prometheus_client.samples.Sample
    """Those of one metric, without the `_created` times that come with counters."""
    for family in getattr(metrics, name).collect():
        for sample in family.samples:
            if sample.name == name:
                yield sample
