"""Metrics: the table is what is exposed, label children are bound once and bounded."""

from typing import get_type_hints

from prometheus_client import CollectorRegistry

from gateway.observe.metrics import MAX_CHILDREN, METRICS, OTHER, Metrics


def test_every_row_has_a_help_text_and_an_attribute():
    """The table and the attributes of Metrics name the same metrics, once each, all explained."""
    names = [spec.name for spec in METRICS]

    assert len(names) == len(set(names))
    assert set(names) == set(get_type_hints(Metrics))
    assert all(spec.help.endswith(".") for spec in METRICS)


def test_render_exposes_every_metric():
    """The text for /metrics has a TYPE line for each row."""
    text = Metrics().render().decode()

    for spec in METRICS:
        assert f"# TYPE {spec.name} {spec.kind}" in text


def test_counts_appear_with_their_labels():
    """A bound child counts into the series of its labels, in the order of the row."""
    metrics = Metrics()
    child = metrics.bound("push_notifications_total", "customhttp", "event", "delivered")
    child.inc()
    child.inc()

    expected = 'push_notifications_total{channel="customhttp",kind="event",outcome="delivered"} 2.0'
    assert expected in metrics.render().decode()


def test_a_child_is_bound_once():
    """Asking again gives the same object, so a hot path may ask or keep it."""
    metrics = Metrics()

    assert metrics.bound("chat_events_total", "Message") is metrics.bound("chat_events_total", "Message")


def test_the_number_of_series_is_bounded():
    """Label values beyond the cap share one series, which counts them all."""
    metrics = Metrics()
    for number in range(MAX_CHILDREN * 3):
        metrics.bound("chat_events_total", f"type{number}").inc()

    text = metrics.render().decode()
    assert f'chat_events_total{{type="{OTHER}"}} {MAX_CHILDREN * 2:.1f}' in text
    assert text.count("chat_events_total{") <= MAX_CHILDREN + 1


def test_two_nodes_do_not_mix():
    """Each Metrics counts in its own registry, passed in or made."""
    registry = CollectorRegistry()
    one, other = Metrics(registry), Metrics()
    one.chats_started_total.inc()

    assert one.registry is registry
    assert registry.get_sample_value("chats_started_total") == 1.0
    assert other.registry.get_sample_value("chats_started_total") == 0.0
