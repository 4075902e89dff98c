"""Destinations and single POSTs for tests."""

from __future__ import annotations

import ipaddress
from types import MappingProxyType
from typing import Any

from unit.push.receiver import SECRET, delivery

from gateway.clock import SystemClock
from gateway.model.deliveries import Delivery
from gateway.push.customhttp import Reply, Sender
from gateway.push.destination import Destination, Tls, place_of

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


def destination(url: str, **changes: Any) -> Destination:
    """A destination with ordinary options."""
    place = place_of(url)
    assert place is not None
    options: dict[str, Any] = {
        "key": f"@{url}",
        "provider": None,
        "debug": False,
        "message": "dummy message",
        "headers": MappingProxyType({}),
        "signing_keys": (SECRET,),
        "connect_timeout_s": 5.0,
        "read_timeout_s": 5.0,
        "total_timeout_s": 10.0,
        "tls": Tls(verify=True, ca_file=""),
    }
    return Destination(place=place, **(options | changes))


def post(where: Destination, row: Delivery | None = None, *, networks: Any = LOOPBACK) -> Reply:
    """One POST on a connection of its own."""
    sender = Sender(networks, SystemClock())
    try:
        return sender.send(row or delivery(), where, attempt=1)
    finally:
        sender.close_idle(0)
