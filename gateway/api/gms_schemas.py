"""Request schemas of the seldom operations of Chat API v2 (spec/chat-api-v2.md 6): what they take and need.

`send`, `refresh` and the typing operations are read by hand in `gms_operations`: a marshmallow load costs
about 12 us against 0.2 us, and they are nearly all of the traffic. Lengths are checked by the engine (8.6),
so both edges share the limits. Unknown parameters are ignored, never refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from gateway.api.gms_body import Body, as_object, as_position, as_text
from gateway.chat.limits import MISSING_OR_MALFORMED
from gateway.errors import Rejected


class Text(fields.Field[str]):
    """Any scalar as text; absent, null and empty are the same."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = as_text(value)
        if self.required and not text:
            raise ValidationError("required")
        return text


class Position(fields.Field[int | None]):
    """A transcript position, number or numeric text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int | None:
        position = as_position(value)
        if self.required and position is None:
            raise ValidationError("required")
        return position


class JsonObject(fields.Field[Mapping[str, Any] | None]):
    """An object, or JSON text of one."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> Mapping[str, Any] | None:
        return as_object(value)


class GmsSchema(Schema):
    """Base: parameter names of the wire as data keys, everything unknown ignored."""

    class Meta:
        unknown = EXCLUDE


class StartSchema(GmsSchema):
    """Request Chat (6.1)."""

    nickname = Text(load_default="")
    first_name = Text(load_default="", data_key="firstName")
    last_name = Text(load_default="", data_key="lastName")
    subject = Text(load_default="")
    email = Text(load_default="", data_key="emailAddress")
    text = Text(load_default="")
    endpoint = Text(load_default="")
    start_key = Text(load_default="", data_key="startKey")


class PushUrlSchema(GmsSchema):
    """pushUrl (6.6)."""

    url = Text(required=True, data_key="pushUrl")


class NicknameSchema(GmsSchema):
    """updateNickname (6.7)."""

    nickname = Text(required=True)


class NoticeSchema(GmsSchema):
    """customNotice (6.9); that one of message and eventAttributes is there is the engine's rule."""

    message = Text(load_default="")
    message_type = Text(load_default="", data_key="messageType")
    event_attributes = JsonObject(load_default=None, data_key="eventAttributes", allow_none=True)


class ReceiptSchema(GmsSchema):
    """readReceipt (6.11)."""

    position = Position(required=True, data_key="transcriptPosition")


START, PUSH_URL, NICKNAME = StartSchema(), PushUrlSchema(), NicknameSchema()
NOTICE, RECEIPT = NoticeSchema(), ReceiptSchema()


def load(schema: GmsSchema, body: Body) -> dict[str, Any]:
    """The parameters of one operation by attribute name; Rejected 101 naming the first one that is wrong."""
    # A null in a JSON body means absent, as an empty form field does.
    given = {name: value for name, value in body.fields.items() if value is not None}
    try:
        loaded: dict[str, Any] = schema.load(given)
    except ValidationError as error:
        raise Rejected(MISSING_OR_MALFORMED, str(next(iter(error.messages)))) from None
    return loaded
