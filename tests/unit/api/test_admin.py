"""The administrators' API: the log of notifications, replay, cancellation, destinations, configuration."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.api.admin_stand import CONFIG, AdminStand, row
from unit.push.receiver import NOW_MS

from gateway.model.deliveries import DeliveryKind, DeliveryState
from gateway.push import inspection

SINCE = "2019-09-16T19:32:41Z"  # NOW_MS
FAILED = DeliveryState.FAILED
OPERATIONS = {
    ("/admin/v1/deliveries", "get"),
    ("/admin/v1/deliveries/{deliveryId}", "get"),
    ("/admin/v1/deliveries/{deliveryId}/replay", "post"),
    ("/admin/v1/deliveries/{deliveryId}/cancel", "post"),
    ("/admin/v1/deliveries/replay", "post"),
    ("/admin/v1/destinations", "get"),
    ("/admin/v1/destinations/{id}/enable", "post"),
    ("/admin/v1/config", "get"),
}


@pytest.fixture
def stand() -> AdminStand:
    """A new API."""
    return AdminStand()


def ids(answer: Any) -> list[str]:
    """What a page lists."""
    assert 200 == answer.status_code, answer.text
    return [item["id"] for item in answer.json["items"]]


def assert_problem(status: int, answer: Any) -> None:
    """A problem of this status."""
    assert (status, "application/problem+json") == (answer.status_code, answer.content_type)


# --- who may ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "method"), sorted(OPERATIONS))
@pytest.mark.parametrize(("role", "status"), [("supervisor", 403), ("agent", 403), ("bot", 403), (None, 401)])
def test_only_administrators(stand: AdminStand, path: str, method: str, role: str | None, status: int):
    """Every operation refuses every other role, and callers without a token, before it looks at anything."""
    token = stand.accounts.create(role, "Somebody") if role else ""
    call = stand.get if method == "get" else stand.post
    assert_problem(status, call(path.removeprefix("/admin/v1"), token=token))


def test_every_operation_is_documented(stand: AdminStand):
    """The document has the operations of the contract, no more, no fewer, with their problems."""
    document = stand.client.get("/openapi.json").json
    found = {
        (path, name): item[name]
        for path, item in document["paths"].items()
        for name in item
        if name != "parameters"
    }
    assert OPERATIONS == set(found)
    for operation in found.values():
        assert operation["summary"]
        assert {"200", "401", "403", "500", "503"} <= set(operation["responses"])


# --- listing ------------------------------------------------------------------------------------


def test_a_listed_notification(stand: AdminStand):
    """All members of an item, with the last attempt."""
    stand.add(row("d1", provider="acme", kind=DeliveryKind.POINTER))
    stand.fail("d1")
    (item,) = stand.get("/deliveries").json["items"]
    assert {
        "id": "d1",
        "chatId": "chat",
        "userId": "007D5D7FE31F001B",
        "deviceId": "device-d1",
        "position": 16,
        "eventType": "Message",
        "kind": "pointer",
        "provider": "acme",
        "debug": False,
        "state": "failed",
        "attempts": 1,
        "replays": 0,
        "createdAt": "2019-09-16T19:32:41.000Z",
        "dueAt": "2019-09-16T19:32:41.000Z",
        "last": {
            "number": 1,
            "startedAt": "2019-09-16T19:32:41.000Z",
            "durationMs": 12,
            "status": 503,
            "error": None,
        },
    } == item


def test_filters(stand: AdminStand):
    """Each parameter restricts; several states are repeated parameters."""
    stand.add(
        row("d1", state=FAILED),
        row("d2", state=DeliveryState.EXHAUSTED, provider="acme", created_ms=NOW_MS + 1),
        row("d3", created_ms=NOW_MS + 2, debug=True, kind=DeliveryKind.PAYLOAD, message=b"{}"),
    )
    stand.add(row("d4", chat_id="chat-2", created_ms=NOW_MS + 3), chat_id="chat-2")
    expected = {
        "": "d4 d3 d2 d1",
        "state=failed": "d1",
        "state=failed&state=exhausted": "d2 d1",
        "chatId=chat-2": "d4",
        "deviceId=device-d2": "d2",
        "provider=acme": "d2",
        "provider=&debug=false": "d4 d1",
        "kind=payload": "d3",
        "since=2019-09-16T21:32:41.002%2B02:00": "d4 d3",
        "until=2019-09-16T19:32:41.001Z": "d1",
        "limit=2": "d4 d3",
    }
    found = {query: ids(stand.get(f"/deliveries?{query}")) for query in expected}
    assert {query: names.split() for query, names in expected.items()} == found


def test_pages(stand: AdminStand):
    """`next` leads through the whole log and is null at its end."""
    stand.add(*[row(f"d{n}", created_ms=NOW_MS + n) for n in range(5)])
    found, query = [], "limit=2"
    while query:
        answer = stand.get(f"/deliveries?{query}")
        found += ids(answer)
        query = f"limit=2&cursor={answer.json['next']}" if answer.json["next"] else ""
    assert ["d4", "d3", "d2", "d1", "d0"] == found


@pytest.mark.parametrize(
    "query",
    [
        "state=lost",
        "statusClass=6xx",
        "kind=x",
        "limit=0",
        "limit=201",
        "cursor=x",
        "cursor=1-",
        "cursor=1-9999999999999999",
        "since=yesterday",
        "since=2019-09-16T19:32:41",
        "debug=perhaps",
        f"chatId={'x' * 257}",
    ],
)
def test_a_bad_filter_is_422(stand: AdminStand, query: str):
    """A value that is not understood is told, never passed over."""
    assert_problem(422, stand.get(f"/deliveries?{query}"))


# --- one in full ------------------------------------------------------------------------------------


def test_detail_shows_the_request_without_its_secrets(stand: AdminStand):
    """Headers as sent with the operator's values masked, the body, each attempt with its answer."""
    stand.add(row("d1"))
    stand.clock.advance(5)
    stand.fail("d1", head=b'{"you sent": "Bearer operators-secret", "shop": "shop-secret"}')
    answer = stand.get("/deliveries/d1")
    headers = answer.json["headers"]
    assert {
        "webhook-id": "d1",
        "webhook-timestamp": str(NOW_MS // 1000 + 5),
        "x-push-attempt": "1",
        "x-push-event": "chat.message",
        "x-chat-id": "chat",
        "authorization": "********",
    }.items() <= headers.items()
    assert "********" == {name.lower(): value for name, value in headers.items()}["x-shop"]
    assert {"message": "You have a new message", "deviceId": "device-d1"} == json.loads(answer.json["body"])
    assert [(1, 503, 12)] == [
        (made["number"], made["status"], made["durationMs"]) for made in answer.json["history"]
    ]
    assert "you sent" in answer.json["history"][0]["responseHead"]
    assert "secret" not in answer.text


def test_a_key_in_a_body_is_masked(stand: AdminStand):
    """What `flex-push-content=secure-key` puts into a pointer is for the receiver only."""
    message = b'{"secureKey":"s3cr3t","messages":[{"userData":{"secure-key":"s3cr3t","session-id":"c"}}]}'
    stand.add(row("d1", kind=DeliveryKind.POINTER, message=message))
    body = stand.get("/deliveries/d1").json["body"]
    assert "s3cr3t" not in body
    assert "c" == json.loads(body)["message"]["messages"][0]["userData"]["session-id"]


@pytest.mark.parametrize(
    ("option", "shown"),
    [("off", []), ("failed", ["queued", "failed"]), ("all", ["queued", "failed", "delivered"])],
)
def test_bodies_are_shown_as_configured(option: str, shown: list[str]):
    """`log_bodies`: of none, of all but the delivered ones, of all."""
    stand = AdminStand(f"{CONFIG}log_bodies={option}\n")
    states = ("queued", "failed", "delivered")
    stand.add(*[row(state, state=DeliveryState(state)) for state in states])
    assert shown == [state for state in states if stand.get(f"/deliveries/{state}").json["body"]]


def test_a_notification_without_destination_can_be_looked_at(stand: AdminStand):
    """Its provider was removed from the configuration: no headers, everything else."""
    stand.add(row("d1", provider="gone", kind=DeliveryKind.PAYLOAD, message=b'{"a":1}'))
    shown = stand.get("/deliveries/d1").json
    assert (None, '{"message":{"a":1},"deviceId":"device-d1"}') == (shown["headers"], shown["body"])


@pytest.mark.parametrize("action", ["", "/replay", "/cancel"])
def test_unknown_and_purged_are_not_found(stand: AdminStand, action: str):
    """A notification that never was, and one whose chat was purged."""
    stand.add(row("d1"))
    stand.store.purge("chat")
    call = stand.post if action else stand.get
    for id_ in ("d1", "nothing"):
        assert_problem(404, call(f"/deliveries/{id_}{action}"))


# --- replay and cancel ------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [FAILED, DeliveryState.EXHAUSTED, DeliveryState.DELIVERED])
def test_replay_queues_with_the_same_id(stand: AdminStand, state: DeliveryState):
    """A finished one is queued again with its attempts, and the worker is woken; twice is once."""
    stand.add(row("d1", state=state, attempts=3))
    shown = [stand.post("/deliveries/d1/replay").json for _ in range(2)]
    assert [("d1", "queued", 3, 1)] * 2 == [
        (one["id"], one["state"], one["attempts"], one["replays"]) for one in shown
    ]
    assert stand.wakes


def test_the_detail_says_who_replayed(stand: AdminStand):
    """Each replay, alone or by a window, with the token's name, the time and the attempt it leads to."""
    stand.add(row("d1", attempts=2, state=FAILED))
    assert [] == stand.get("/deliveries/d1").json["replayedBy"]
    stand.post("/deliveries/d1/replay")
    stand.post("/deliveries/d1/replay")  # changes nothing, and is nobody's
    stand.fail("d1")
    stand.clock.advance(5)
    other = stand.accounts.create("admin", "Olga")
    assert (
        0 == stand.post("/deliveries/replay", {"since": SINCE, "dryRun": True}, token=other).json["replayed"]
    )
    assert 1 == stand.post("/deliveries/replay", {"since": SINCE}, token=other).json["replayed"]
    assert [
        {"attempt": 3, "at": "2019-09-16T19:32:41.000Z", "by": "Root"},
        {"attempt": 4, "at": "2019-09-16T19:32:46.000Z", "by": "Olga"},
    ] == stand.get("/deliveries/d1").json["replayedBy"]


def test_filter_by_the_last_answer(stand: AdminStand):
    """`statusClass` narrows the list and a window; it is repeatable; what was never sent fits none."""
    stand.add(row("d1"), row("d2"))
    stand.fail("d1", status=503)
    stand.add(row("d3", chat_id="chat-2"), chat_id="chat-2")
    expected = {"5xx": ["d1"], "4xx": [], "none": [], "2xx": []}
    assert expected == {name: ids(stand.get(f"/deliveries?statusClass={name}")) for name in expected}
    assert ["d1"] == ids(stand.get("/deliveries?statusClass=none&statusClass=5xx"))
    counts = [
        stand.post("/deliveries/replay", {"since": SINCE, "statusClass": [name], "dryRun": True}).json
        for name in ("4xx", "5xx")
    ]
    assert [0, 1] == [count["matched"] for count in counts]


def test_in_flight_is_409(stand: AdminStand):
    """Neither replayed nor cancelled while an attempt is under way."""
    stand.add(row("d1"))
    stand.store.claim("node", now_ms=NOW_MS, lease_ms=30_000, limit=1)
    assert_problem(409, stand.post("/deliveries/d1/replay"))
    assert_problem(409, stand.post("/deliveries/d1/cancel"))


def test_cancel(stand: AdminStand):
    """A waiting one ends as skipped, twice is once; a finished one is 409."""
    stand.add(row("d1"), row("d2", state=FAILED))
    assert ["skipped"] * 2 == [stand.post("/deliveries/d1/cancel").json["state"] for _ in range(2)]
    assert_problem(409, stand.post("/deliveries/d2/cancel"))


def test_a_window_is_counted_first_and_replayed_then(stand: AdminStand):
    """Only dead letters from `since` on that fit; counting changes nothing; repeating finds none."""
    stand.add(
        row("old", state=FAILED, created_ms=NOW_MS - 1),
        row("d1", state=FAILED),
        row("d2", state=DeliveryState.EXHAUSTED),
        row("other", state=FAILED, provider="acme"),
        row("sent", state=DeliveryState.DELIVERED),
        row("skipped", state=DeliveryState.SKIPPED),
    )
    wanted = {"since": SINCE, "provider": ""}
    counted = stand.post("/deliveries/replay", {**wanted, "dryRun": True}).json
    assert {"matched": 2, "replayed": 0, "more": False, "dryRun": True} == counted
    assert [] == ids(stand.get("/deliveries?state=queued"))
    assert not stand.wakes
    done = stand.post("/deliveries/replay", wanted).json
    assert {"matched": 2, "replayed": 2, "more": False, "dryRun": False} == done
    assert {"d1", "d2"} == set(ids(stand.get("/deliveries?state=queued")))
    assert 0 == stand.post("/deliveries/replay", wanted).json["matched"]


def test_a_window_can_be_narrowed_to_a_state(stand: AdminStand):
    """`state` chooses among the dead letters."""
    stand.add(row("d1", state=FAILED), row("d2", state=DeliveryState.EXHAUSTED))
    assert 1 == stand.post("/deliveries/replay", {"since": SINCE, "state": ["failed"]}).json["replayed"]
    assert ["d1"] == ids(stand.get("/deliveries?state=queued"))


def test_a_window_has_a_cap_and_leaves_the_newest_for_later(
    stand: AdminStand, monkeypatch: pytest.MonkeyPatch
):
    """Beyond the cap the oldest go, in batches, and `more` says that there are others."""
    monkeypatch.setattr(inspection, "WINDOW_CAP", 5)
    monkeypatch.setattr(inspection, "BATCH", 2)
    stand.add(*[row(f"d{n}", created_ms=NOW_MS + n, state=FAILED) for n in range(7)])
    first, second = (stand.post("/deliveries/replay", {"since": SINCE}).json for _ in range(2))
    assert [(5, True), (2, False)] == [(one["replayed"], one["more"]) for one in (first, second)]
    assert 3 + 1 == len(stand.wakes)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (422, {}),
        (422, {"since": "now"}),
        (422, {"since": SINCE, "state": ["delivered"]}),
        (422, {"since": SINCE, "state": "failed"}),
        (422, {"since": SINCE, "dryRun": "perhaps"}),
        (422, {"since": SINCE, "surprise": 1}),
        (422, []),
        (413, {"since": SINCE, "chatId": "x" * 70_000}),
    ],
)
def test_a_bad_window_is_refused(stand: AdminStand, status: int, body: object):
    """Without a beginning nothing is replayed, and delivered ones never in bulk."""
    assert_problem(status, stand.post("/deliveries/replay", body))


# --- destinations and configuration --------------------------------------------------------------------


def test_destinations(stand: AdminStand):
    """A destination with its breaker; enabling goes by its id; anything else is not found."""
    (shown,) = stand.get("/destinations").json["items"]
    id_ = shown.pop("id")
    assert {
        "key": "@https://receiver.example:443",
        "provider": "",
        "debug": False,
        "state": "disabled",
        "since": "2019-09-16T19:32:41.000Z",
        "until": None,
        "failures": 7,
        "successes": 0,
        "inFlight": 1,
        "waiting": 2,
    } == shown
    assert ["closed"] == [item["state"] for item in stand.post(f"/destinations/{id_}/enable").json["items"]]
    for wrong in ("bm90aGluZw", "%", "\u2713", "a"):
        assert_problem(404, stand.post(f"/destinations/{wrong}/enable"))


def test_configuration_has_origins_and_no_secrets(stand: AdminStand):
    """Effective values as in an ini file, with where they come from; secrets are masked."""
    answer = stand.get("/config")
    items = {(item["section"], item["name"]): item for item in answer.json["items"]}
    assert "comet,customhttp" == items["push", "pushEnabled"]["value"]
    assert items["push", "pushEnabled"]["origin"].startswith("gateway.ini:")
    assert "default" == items["push", "coalesce_ms"]["origin"]
    assert ("********", True) == (
        items["push", "customhttp.authorization"]["value"],
        items["push", "customhttp.authorization"]["secret"],
    )
    assert "operators-secret" not in answer.text
    assert "shop-secret" not in answer.text


# --- hostile input ------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = ("statusClass", "since", "until", "state", "chatId", "provider", "debug", "kind", "dryRun")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=40, deadline=None)
@given(
    body=st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=4) | JSON,
    query=st.dictionaries(st.sampled_from((*MEMBERS, "cursor", "limit")), TEXT, max_size=4),
    path=TEXT,
)
def test_any_input_never_fails_the_gateway(body: Any, query: dict[str, str], path: str):
    """Whatever comes as filter, body or id, the answer is a success or a 4xx."""
    stand = AdminStand()
    answers = [
        stand.get("/deliveries", **query),
        stand.post("/deliveries/replay", body),
        stand.get(f"/deliveries/{path}"),
        stand.post(f"/destinations/{path}/enable"),
    ]
    assert [] == [answer.status_code for answer in answers if answer.status_code >= 500]
