"""Option cards of [agents]: duty, offers, loss of an agent, console logins."""

from __future__ import annotations

from functools import partial

from gateway.config.kinds import BOOLEAN, integer, seconds
from gateway.config.option import Option

_agents = partial(Option, section="agents")

OPTIONS = (
    _agents(
        name="capacity",
        kind=integer(1, 1000, unit="chats"),
        default=4,
        text="How many chats a ready agent is given at once, unless its account says otherwise. Accepting "
        "from the waiting list is not limited.",
    ),
    _agents(
        name="offer_timeout",
        attr="offer_timeout_s",
        kind=seconds(1, 3600),
        default=20.0,
        text="How long an offered chat waits for this agent's answer; then it is offered to the next one, "
        "from the front of its queue.",
    ),
    _agents(
        name="not_ready_on_no_answer",
        kind=BOOLEAN,
        default=True,
        text="An agent that let an offer of a queue time out becomes not ready.",
    ),
    _agents(
        name="lost_after",
        attr="lost_after_s",
        kind=seconds(5, 86_400),
        default=60.0,
        text="An agent without live events and without any request for this long is lost: not ready, and "
        "its offers go to others.",
    ),
    _agents(
        name="requeue_on_loss",
        kind=BOOLEAN,
        default=False,
        text="A lost agent also leaves its chats, which wait again in front of their queues.",
    ),
    _agents(
        name="login_idle_timeout",
        attr="login_idle_timeout_s",
        kind=seconds(60, 86_400),
        default=1800.0,
        text="A console session without any request for this long is over.",
    ),
    _agents(
        name="login_lifetime",
        attr="login_lifetime_s",
        kind=seconds(60, 604_800),
        default=43_200.0,
        text="A console session is over this long after the login, whatever happens.",
    ),
    _agents(
        name="login_attempts_per_minute",
        kind=integer(1, 1000),
        default=5,
        text="Login attempts per address and user name; more are answered with 429.",
    ),
)
