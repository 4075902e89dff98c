"""The yardstick: a form POST in, a small JSON out, in plain Flask. It stores nothing and knows no chat.

`run.py` serves it with stock gunicorn and its gevent worker on the gateway's processor, in the same minutes:
shared machines differ by a factor of two from hour to hour, and a ratio to this survives that.
"""

from __future__ import annotations

from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.get("/healthz")
def healthz() -> Response:
    """For the driver."""
    return jsonify(status="ok")


@app.post("/send")
def send() -> Response:
    """The shape of a chat answer."""
    return jsonify(statusCode=0, chatEnded=False, messages=[{"index": 2, "text": request.form["message"]}])
