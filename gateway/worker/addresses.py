"""How many connections one peer address holds, and whether it may have another.

Loopback and the trusted proxies (`forwarded_allow_ips`) speak for many clients and are not counted; for them
the proxy's own limits apply. An IPv6 peer counts by its /64, the smallest network that one customer is given.
One instance per worker, used by one thread (gevent); no lock.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Collection, Sequence

_PREFIX_V6 = 64
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AddressBook:
    """Counts the open connections per address."""

    def __init__(self, trusted: Collection[_Network] = (), *, trust_all: bool = False) -> None:
        self._trusted = tuple(trusted)
        self._trust_all = trust_all
        self._open: Counter[str] = Counter()

    def key(self, peer: object) -> str | None:
        """Return the name under which a socket address is counted; None: not counted (unix socket, proxy)."""
        if self._trust_all or not isinstance(peer, Sequence) or isinstance(peer, str | bytes):
            return None
        try:
            address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
        except ValueError:
            return None
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped or address
        if address.is_loopback or any(address in network for network in self._trusted):
            return None
        if address.version == 6:
            return str(ipaddress.ip_network((address, _PREFIX_V6), strict=False))
        return str(address)

    def admit(self, key: str | None, limit: int) -> bool:
        """Count one more connection of `key` unless it has `limit` (0: no cap).

        Each True is paired with one `release`.
        """
        if key is None:
            return True
        if limit and self._open[key] >= limit:
            return False
        self._open[key] += 1
        return True

    def release(self, key: str | None) -> None:
        """One connection of `key` has ended."""
        if key is None:
            return
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]
