"""How an operation of an own API is declared: path, schemas and problems in one line, documented as it is.

Used by the blueprints of `openapi.py`; what a `Route` does not say is not in the document.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from flask_smorest import Blueprint

from gateway.api import problem

# Any of our operations may be called with a token or with a console login (`bearer.py`).
SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"console": []}]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: method and path below the API's prefix, the view's name, its schemas, its problems.

    `status` is that of success.
    """

    method: str
    rule: str
    view: str
    answer: type[ma.Schema] | None
    query: type[ma.Schema] | None = None
    body: type[ma.Schema] | None = None
    problems: tuple[int, ...] = (401, 403, 404, 429, 500, 503)
    status: int = 200


def add(blueprint: Blueprint, route: Route, view: Any, **more: Any) -> None:
    """Register the operation with `view`, whose docstring is its text; `more` into its OpenAPI object."""
    view = problems(blueprint, view, route.problems)
    if route.query is not None:
        view = blueprint.arguments(route.query, location="query")(view)
    if route.body is not None:
        view = blueprint.arguments(route.body)(view)
    view = blueprint.response(route.status, route.answer)(view)
    view = blueprint.doc(operationId=route.view, security=SECURITY, **more)(view)
    blueprint.add_url_rule(route.rule, route.view, view, methods=[route.method])


def problems(blueprint: Blueprint, view: Any, statuses: Iterable[int]) -> Any:
    """The view, documented to answer these statuses with a problem; apply it before anything else.

    The schema is named, not given, and there are no others yet: each decorator copies deeply what those
    before it have documented, which was two thirds of the time of a start (1.1 s of 1.7).
    """
    for status in statuses:
        document = blueprint.alt_response(status, schema=problem.SCHEMA, content_type=problem.CONTENT_TYPE)
        view = document(view)
    return view
