"""Sans-I/O Bayeux server engine: decoded messages and the time in, outcomes out (see README.md).

Public names: Machine, Options, Peer, Session, Delivery, the outcomes and the channel helpers.
"""

from gateway.bayeux.errors import error_text
from gateway.bayeux.machine import Machine
from gateway.bayeux.options import Options, Peer, Policy
from gateway.bayeux.outcomes import (
    BroadcastPublish,
    Connect,
    Outcome,
    Reply,
    ServicePublish,
)
from gateway.bayeux.session import Delivery, Held, Session, Source

__all__ = [
    "BroadcastPublish",
    "Connect",
    "Delivery",
    "Held",
    "Machine",
    "Options",
    "Outcome",
    "Peer",
    "Policy",
    "Reply",
    "ServicePublish",
    "Session",
    "Source",
    "error_text",
]
