"""What the worker takes from the application, and its defaults without one of ours."""

from dataclasses import dataclass
from types import SimpleNamespace

from gateway.observe.metrics import Metrics
from gateway.worker.application import DefaultLimits, count_slow_client, drain, limits_from


@dataclass
class Loaded:
    """gunicorn's application object around a WSGI callable."""

    callable: object

    def wsgi(self):
        return self.callable


def with_gateway(**members):
    return Loaded(SimpleNamespace(gateway=SimpleNamespace(**members)))


def test_a_foreign_application_gets_the_defaults():
    """Without a `gateway` attribute the documented deadlines apply; counting and draining do nothing."""
    app = Loaded(lambda environ, start_response: [])

    expected = DefaultLimits(
        enabled=True,
        header_timeout_s=10.0,
        body_timeout_s=20.0,
        write_timeout_s=20.0,
        max_connections_per_address=5000,
    )
    assert expected == limits_from(app)
    count_slow_client(app, "header")
    drain(app)


def test_the_limits_are_those_of_the_current_snapshot():
    """A reload that replaces the snapshot is seen by the next connection."""
    settings = SimpleNamespace(current=SimpleNamespace(limits=DefaultLimits(header_timeout_s=1)))
    app = with_gateway(settings=settings)
    before = limits_from(app)
    settings.current = SimpleNamespace(limits=DefaultLimits(header_timeout_s=2))

    assert [before.header_timeout_s, limits_from(app).header_timeout_s] == [1, 2]


def test_slow_clients_are_counted_in_the_metrics_of_the_application():
    """The reason becomes the label."""
    metrics = Metrics()
    count_slow_client(with_gateway(metrics=metrics), "header")

    found = metrics.registry.get_sample_value("slow_clients_closed_total", {"reason": "header"})
    assert found == 1


def test_drain_calls_the_hook():
    """The application's drain hook runs once."""
    calls = []
    drain(with_gateway(drain=lambda: calls.append("drain")))

    assert calls == ["drain"]
