"""Answers that the worker gives itself."""

import json
import socket

import pytest
from gunicorn.http import errors

from gateway.worker.refusals import refuse, status_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidRequestLine("secret"), 400),
        (errors.InvalidHeader("secret"), 400),
        (errors.LimitRequestLine(1, 1), 414),
        (errors.LimitRequestHeaders("x"), 431),
        (errors.UnsupportedTransferCoding("x"), 501),
        (errors.InvalidResponseHeader("x"), 500),
        (ValueError("secret"), 500),
    ],
)
def test_status_of_an_error(error, status):
    """The peer's mistakes are 4xx (or 501), ours are 500."""
    assert status == status_of(error)


def test_a_refusal_is_a_complete_problem_document():
    """The answer parses as HTTP with a problem+json body that names the status."""
    ours, peer = socket.socketpair()
    refuse(ours, status_of(errors.InvalidHeader("secret")))
    ours.close()
    head, _, body = peer.makefile("rb").read().partition(b"\r\n\r\n")
    peer.close()

    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"application/problem+json" in head
    problem = {"type": "about:blank", "title": "Bad Request", "status": 400}
    assert problem == json.loads(body)


def test_a_refusal_to_a_gone_peer_is_silent():
    """Nobody is there to read it, so nothing happens."""
    ours, peer = socket.socketpair()
    peer.close()
    refuse(ours, status_of(ValueError()))
    ours.close()
