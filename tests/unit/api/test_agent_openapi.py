"""The OpenAPI document describes the agents' API as it is."""

from __future__ import annotations

import pytest
from agent_stand import make_stand


@pytest.fixture
def document():
    return make_stand().app.test_client().get("/openapi.json").json


def test_every_operation_of_the_api_is_documented(document):
    """The paths and methods of the contract, no more, no fewer."""
    chat = "/agent/v1/chats/{chatId}"
    expected = {
        ("/agent/v1/me", "get"),
        ("/agent/v1/chats", "get"),
        (chat, "get"),
        (f"{chat}/events", "get"),
        *((f"{chat}/{action}", "post") for action in ("accept", "messages", "typing", "notices")),
        *((f"{chat}/{action}", "post") for action in ("push-url", "leave", "park", "restore", "close")),
        *((f"{chat}/files", method) for method in ("get", "post")),
        *((f"{chat}/files/{{fileId}}", method) for method in ("get", "delete")),
    }
    found = {
        (path, name) for path, item in document["paths"].items() for name in item if name != "parameters"
    }
    assert expected == found


def test_operations_say_what_they_need_and_what_can_go_wrong(document):
    """Version 3.0.3, a bearer token or a login, a problem for each error, a summary for people."""
    assert document["openapi"] == "3.0.3"
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for item in document["paths"].values():
        for name, operation in item.items():
            if name == "parameters":
                continue
            assert operation["security"] == [{"bearer": []}, {"console": []}]
            assert operation["summary"]
            for status, answer in operation["responses"].items():
                kind = "application/json" if status == "200" else "application/problem+json"
                if (status, operation["operationId"]) == ("200", "download_file"):
                    kind = "*/*"
                assert [kind] == list(answer["content"]), (operation["operationId"], status)


def test_references_lead_somewhere(document):
    """No schema is named that the document does not have."""
    schemas = document["components"]["schemas"]
    references = list(_references(document))
    assert references
    assert {f"#/components/schemas/{name}" for name in schemas} >= {
        text for text in references if "schemas" in text
    }


def _references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from _references(member)
    elif isinstance(value, list):
        for member in value:
            yield from _references(member)
