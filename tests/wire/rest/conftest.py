"""Fixtures of the REST wire tests."""

import pytest
from wire.rest.rest_client import Chat, Rest


@pytest.fixture
def rest() -> Rest:
    """The REST edge with the default settings."""
    return Rest()


@pytest.fixture
def chat(rest: Rest) -> Chat:
    """A started chat."""
    return rest.start()
