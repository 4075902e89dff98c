"""Generated requests over the whole OpenAPI document: no 5xx, documented answers only (reliability.md 5.4).

In process over a real store; one administrator calls everything, so each operation is reached.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from gateway.app import create_app
from gateway.chat.customers import StartRequest
from gateway.services import Gateway, Installation

EXAMPLES = 20


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, list[str]]]:
    """The document of a gateway, and the ids of its chats."""
    directory: Path = tmp_path_factory.mktemp("data")
    gateway = Gateway.build(
        Installation.from_environment({"DATA_DIR": str(directory), "GATEWAY__LIMITS__ENABLED": "false"})
    )
    started = [
        gateway.customers.start(StartRequest(service="demo", origin="rest", nickname=f"Ann {number}"))
        for number in range(20)
    ]
    app = create_app(gateway)
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    schema.config.headers = {"Authorization": f"Bearer {gateway.accounts.create('admin', 'Sara')}"}
    yield schema, [each.party.session.id for each in started]
    gateway.close()


def test_no_generated_request_breaks_the_promises_of_the_document(api):
    """Status codes, content types and bodies of the answers are those of the document; never a 5xx."""
    schema, chats = api
    operations = [result.ok() for result in schema.get_all_operations()]
    assert {"/agent/v1/chats", "/admin/v1/chats"} <= {operation.path for operation in operations}
    broken = []
    for operation in operations:
        try:
            _try(operation, chats)
        except (Exception, FailureGroup) as error:  # every operation is reported, not only the first
            broken.append(f"{operation.label}: {error}")
    assert [] == broken


def _try(operation: Any, chats: list[str]) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(), chat_id=st.none() | st.sampled_from(chats))
    def check(case: Any, chat_id: str | None) -> None:
        if chat_id is not None and "chatId" in case.path_parameters:
            case.path_parameters["chatId"] = chat_id
        # Rules that a schema cannot say (a notice has a text or attributes) are a documented 422. Who may
        # call what is proven elsewhere; here the token of the configuration goes with every request.
        case.call_and_validate(excluded_checks=[ignored_auth, positive_data_acceptance])

    check()
