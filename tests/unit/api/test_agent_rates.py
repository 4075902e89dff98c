"""429 on our own APIs: too many requests of an account, too many wrong tokens (reliability.md 4.1)."""

from __future__ import annotations

from agent_stand import make_stand
from hypothesis import given, settings
from hypothesis import strategies as st

PROBLEM = {
    "type": "about:blank",
    "title": "Too Many Requests",
    "status": 429,
    "detail": "too many requests; nothing was done",
}


def test_an_account_has_twenty_requests_a_second():
    """The twenty-first is told when to come again; a second later and for others all is well."""
    stand = make_stand(limited=True)
    anna, eve = stand.caller("agent", "Anna"), stand.caller("agent", "Eve")
    assert {anna.get("/me").status_code for _ in range(20)} == {200}
    refused = anna.get("/me")
    assert (429, PROBLEM, "1") == (refused.status_code, refused.json, refused.headers["Retry-After"])
    assert refused.content_type == "application/problem+json"
    assert eve.get("/me").status_code == 200
    stand.clock.advance(1)
    assert anna.get("/me").status_code == 200


def test_a_bot_is_not_limited_by_the_account():
    """It answers many customers, each of whom has a limit."""
    robot = make_stand(limited=True).caller("bot", "Robot")
    assert {robot.get("/me").status_code for _ in range(50)} == {200}


def test_the_limit_counts_before_the_work():
    """A refused message is not sent."""
    stand = make_stand(limited=True)
    anna = stand.caller("agent", "Anna")
    chat_id = stand.start_chat().session.id
    anna.post(f"/chats/{chat_id}/accept")
    codes = [anna.post(f"/chats/{chat_id}/messages", {"text": "hi"}).status_code for _ in range(25)]
    assert [200] * 19 + [429] * 6 == codes
    stored = stand.store.events(chat_id, 1, limit=100)
    assert 19 == sum(event.type.value == "Message" for event in stored)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1), min_size=12))
def test_wrong_tokens_of_any_shape_end_as_429(tokens):
    """After ten guesses every further one has the same answer; an account that was here before goes on."""
    stand = make_stand(limited=True)
    anna = stand.caller("agent", "Anna")
    assert anna.get("/me").status_code == 200
    for number, token in enumerate(tokens):
        answer = anna.client.get("/agent/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert (401 if number < 10 else 429) == answer.status_code
        assert (number < 10) is ("Retry-After" not in answer.headers)
        assert "application/problem+json" == answer.content_type
    assert anna.get("/me").status_code == 200
