"""https receivers: certificates are verified unless the operator says otherwise (spec/push.md 10.2.9)."""

from __future__ import annotations

import ipaddress
import shutil
import ssl
import subprocess
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from unit.push.receiver import SECRET, Receiver, delivery

from gateway.clock import SystemClock
from gateway.push.customhttp import Reply, Sender
from gateway.push.destination import Destination, Tls, place_of
from gateway.push.transport import tls_context

OPENSSL = shutil.which("openssl")
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="needs the openssl command to make a certificate")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for the address 127.0.0.1, and its key."""
    directory = tmp_path_factory.mktemp("tls")
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    words = (
        f"{OPENSSL} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-subj /CN=receiver -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}"
    )
    subprocess.run(words.split(), check=True, capture_output=True)
    return certificate, key


def _send(receiver: Receiver, tls: Tls, *, host: str = "127.0.0.1", networks: Any = LOOPBACK) -> Reply:
    place = place_of(receiver.url(host=host).replace("http:", "https:"))
    assert place is not None
    destination = Destination(
        key="@test",
        provider=None,
        debug=False,
        place=place,
        signing_keys=(SECRET,),
        message="dummy message",
        headers=MappingProxyType({}),
        connect_timeout_s=5.0,
        read_timeout_s=5.0,
        total_timeout_s=10.0,
        tls=tls,
    )
    return Sender(networks, SystemClock()).send(delivery(), destination, attempt=1)


def test_unknown_authority_is_refused(receiver: Receiver, certificate: tuple[Path, Path]) -> None:
    """A certificate of no public authority stops the push before the request."""
    receiver.serve_tls(*certificate)
    reply = _send(receiver, Tls(verify=True, ca_file=""))
    assert (reply.error, receiver.requests) == ("TLS failed", [])


def test_own_authority(receiver: Receiver, certificate: tuple[Path, Path]) -> None:
    """`ca_file` makes the operator's own authority the trusted one."""
    receiver.serve_tls(*certificate)
    assert _send(receiver, Tls(verify=True, ca_file=str(certificate[0]))).status == 200


def test_name_is_checked(receiver: Receiver, certificate: tuple[Path, Path]) -> None:
    """A trusted certificate of another name is refused."""
    receiver.serve_tls(*certificate)
    reply = _send(receiver, Tls(verify=True, ca_file=str(certificate[0])), host="localhost")
    assert (reply.error, receiver.requests) == ("TLS failed", [])


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_verification_can_be_switched_off(receiver: Receiver, certificate: tuple[Path, Path]) -> None:
    """`tls_verify=false` accepts any certificate."""
    receiver.serve_tls(*certificate)
    assert _send(receiver, Tls(verify=False, ca_file="")).status == 200


def test_address_is_judged_before_the_handshake(receiver: Receiver, certificate: tuple[Path, Path]) -> None:
    """https does not get around the network rules."""
    receiver.serve_tls(*certificate)
    reply = _send(receiver, Tls(verify=False, ca_file=""), networks=())
    assert reply == Reply(error="address is not allowed", connected=False)


def test_nothing_older_than_tls_1_2() -> None:
    """10.2.9: the context refuses older versions; the operator cannot lower it."""
    assert ssl.TLSVersion.TLSv1_2 == tls_context(verify=False, ca_file="").minimum_version


def test_client_certificate(receiver: Receiver, certificate: tuple[Path, Path]) -> None:
    """A receiver that asks for our certificate gets it, and turns us away without it."""
    receiver.serve_tls(*certificate, client_ca=certificate[0])
    ca_file, cert, key = str(certificate[0]), str(certificate[0]), str(certificate[1])
    assert _send(receiver, Tls(verify=True, ca_file=ca_file)).status is None
    assert _send(receiver, Tls(verify=True, ca_file=ca_file, client_cert=cert, client_key=key)).status == 200


def test_unusable_client_certificate(receiver: Receiver, certificate: tuple[Path, Path]) -> None:
    """A certificate whose key is missing fails closed, before any connection."""
    reply = _send(receiver, Tls(verify=True, ca_file="", client_cert=str(certificate[0])))
    assert reply == Reply(error="TLS failed", connected=False)
