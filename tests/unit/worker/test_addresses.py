"""The cap of connections per peer address."""

import ipaddress

import pytest

from gateway.worker.addresses import AddressBook


def test_the_cap_holds_per_address_and_a_release_frees_a_place():
    """An address gets as many connections as the cap says, others are not affected."""
    book = AddressBook()
    one, other = book.key(("198.51.100.1", 1)), book.key(("198.51.100.2", 1))

    assert [book.admit(one, 2) for _ in range(3)] == [True, True, False]
    assert book.admit(other, 2)
    book.release(one)
    assert book.admit(one, 2)


def test_zero_means_no_cap():
    """A cap of 0 admits everybody."""
    book = AddressBook()

    assert all(book.admit("198.51.100.1", 0) for _ in range(100))


@pytest.mark.parametrize("peer", [("127.0.0.1", 1), ("127.9.9.9", 1), ("::1", 1, 0, 0), "", b"", None])
def test_loopback_and_unix_sockets_are_not_counted(peer):
    """A proxy on the same machine speaks for many clients."""
    book = AddressBook()

    assert book.key(peer) is None
    assert all(book.admit(book.key(peer), 1) for _ in range(10))


def test_trusted_proxies_are_not_counted():
    """Addresses of forwarded_allow_ips are exempt; a star exempts all."""
    book = AddressBook([ipaddress.ip_network("10.0.0.0/8")])

    assert book.key(("10.1.2.3", 1)) is None
    assert book.key(("198.51.100.1", 1)) is not None
    assert AddressBook(trust_all=True).key(("198.51.100.1", 1)) is None


def test_an_ipv6_network_and_a_mapped_address_count_as_one():
    """A /64 is one customer; ::ffff:a.b.c.d is the IPv4 peer; a zone does not matter."""
    book = AddressBook()

    assert book.key(("2001:db8::1", 1, 0, 0)) == book.key(("2001:db8::2", 1, 0, 0))
    assert book.key(("2001:db8:0:1::1", 1, 0, 0)) != book.key(("2001:db8::2", 1, 0, 0))
    assert book.key(("198.51.100.1", 1)) == book.key(("::ffff:198.51.100.1", 1, 0, 0))
    assert book.key(("fe80::1%eth0", 1, 0, 2)) == book.key(("fe80::2", 1, 0, 2))


def test_released_addresses_leave_nothing_behind():
    """Memory does not grow with the number of addresses ever seen."""
    book = AddressBook()
    for number in range(1000):
        key = book.key((f"198.51.{number % 256}.{number // 256}", 1))
        book.admit(key, 5)
        book.release(key)

    assert not book._open
