"""Which addresses a push may connect to (spec/push.md 10.2.8, targets/reliability.md 4.4).

The judgement is about the peer's address, not about the URL's text, so spellings (`0x7f.1`, `2130706433`)
and DNS rebinding change nothing. Python's `is_global` says yes to some ranges that lead back inside (M14);
they are listed here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LEADS_INSIDE: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "::/96",  # IPv4-compatible, the predecessor of ::ffff:0:0/96
        "::ffff:0:0:0/96",  # IPv4-translated
        "192.88.99.0/24",  # relays of 6to4
        "192.0.0.0/24",  # IETF protocol assignments, among them DS-Lite gateways
        "64:ff9b::/96",  # NAT64: any IPv4 address, the private ones included
        "64:ff9b:1::/48",  # NAT64 with a local prefix
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local, the predecessor of fc00::/7
    )
)


def is_allowed(text: str, allowed: Collection[Network]) -> bool:
    """Whether a numeric address is public, or in one of the networks that the operator allows."""
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address in network for network in allowed):
        return True
    if not address.is_global or address.is_multicast:
        return False
    return not any(address in network for network in _LEADS_INSIDE)
