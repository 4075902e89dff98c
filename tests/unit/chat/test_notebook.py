"""What agents write down: dispositions, notes, canned replies."""

from __future__ import annotations

from pathlib import Path

from desk_stand import Customer, DeskStand


def test_a_disposition_may_be_demanded(tmp_path: Path) -> None:
    """With disposition_required an agent cannot finish a chat without a code of the list; supervisors can."""
    ini = "[chat.support]\ndispositions=solved,spam\ndisposition_required=true\n"
    stand = DeskStand(tmp_path, ini)
    customers = [stand.customer() for _ in range(2)]
    anna, sara = stand.person("Anna"), stand.person("Sara", "supervisor")
    for customer in customers:
        anna.done(f"/chats/{customer.chat_id}/accept")
    chat = f"/chats/{customers[0].chat_id}"
    assert ["solved", "spam"] == anna.get("/dispositions?service=support").json["items"]
    assert 409 == anna.post(f"{chat}/close").status_code
    customers[0].call("disconnect")
    assert 409 == anna.post(f"{chat}/leave").status_code
    assert 422 == anna.put(f"{chat}/disposition", {"code": "bored"}).status_code
    assert 200 == anna.put(f"{chat}/disposition", {"code": "solved", "comment": "nice"}).status_code
    anna.done(f"{chat}/leave")
    assert "solved" == anna.get(chat).json["disposition"]["code"]
    sara.done(f"/chats/{customers[1].chat_id}/close")
    stand.gateway.close()


def test_notes(stand: DeskStand, customer: Customer) -> None:
    """Own ones can be changed and deleted, others' only by supervisors; strangers read and write none."""
    anna, sara = stand.person("Anna"), stand.person("Sara", "supervisor")
    chat = f"/chats/{customer.chat_id}"
    anna.done(f"{chat}/notes", {"text": "one"})
    (note, other) = sara.done(f"{chat}/notes", {"text": "two"})["notes"]
    assert ("one", "Anna", "two") == (note["text"], note["author"], other["text"])
    assert 403 == anna.put(f"{chat}/notes/2", {"text": "mine"}).status_code
    sara.put(f"{chat}/notes/1", {"text": "uno"})
    assert 404 == anna.put(f"{chat}/notes/9", {"text": "x"}).status_code
    anna.call("DELETE", f"{chat}/notes/1")
    assert ["two"] == [left["text"] for left in anna.get(chat).json["notes"]]
    assert 403 == stand.person("Carl").post(f"{chat}/notes", {"text": "x"}).status_code
    assert 422 == anna.post(f"{chat}/notes", {"text": " "}).status_code
    stand.restart()
    assert ["two"] == [left["text"] for left in stand.person("Anna").get(chat).json["notes"]]


def test_canned_replies(stand: DeskStand) -> None:
    """Shared ones are the supervisors', personal ones nobody else's; per service; in pages."""
    anna, bert, sara = stand.person("Anna"), stand.person("Bert"), stand.person("Sara", "supervisor")
    assert 403 == anna.post("/canned-replies", {"shortcut": "hi", "text": "Hi", "shared": True}).status_code
    shared = sara.done("/canned-replies", {"shortcut": "hi", "text": "Hi {name}", "shared": True})
    own = anna.done("/canned-replies", {"shortcut": "bye", "text": "Bye", "service": "sales"})
    assert ["bye", "hi"] == [each["shortcut"] for each in anna.get("/canned-replies").json["items"]]
    assert ["hi"] == [each["shortcut"] for each in bert.get("/canned-replies").json["items"]]
    assert 1 == anna.get("/canned-replies?service=support").json["total"]
    path = f"/canned-replies/{own['replyId']}"
    assert 404 == bert.put(path, {"shortcut": "x", "text": "x"}).status_code
    assert 403 == bert.call("DELETE", f"/canned-replies/{shared['replyId']}").status_code
    assert "Ciao" == anna.put(path, {"shortcut": "bye", "text": "Ciao"}).json["text"]
    assert (200, 404) == tuple(anna.call("DELETE", path).status_code for _ in range(2))
