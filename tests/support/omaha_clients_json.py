"""Would the clients that speak JSON and could have sent this request accept this response?

Each has a strict parser in `support.clients`, written from the rules that its own code enforces.
"""

import json
from typing import Any

from support.clients import chromium, fuchsia, json_answers
from support.clients.acceptance import require
from update_core.omaha import messages


def assert_accepted(
    request: messages.Request, body: bytes, content_type: str = "application/json"
) -> json_answers.Updates:
    """The client that sent `request` acts on `body`; AssertionError (mostly `Rejected`) otherwise."""
    require(content_type.partition(";")[0] == "application/json", f"content type {content_type!r}")
    require(body.startswith(json_answers.PREFIX + b"\n"), "no prefix against execution as a script")
    document = json.loads(body[len(json_answers.PREFIX) :], object_pairs_hook=json_answers.once)["response"]
    apps, events = ("apps", "events") if request.protocol == "4.0" else ("app", "event")
    require(document["protocol"] == request.protocol, "another protocol")
    require([app["appid"] for app in document[apps]] == [app.appid for app in request.apps], "other applications")
    for app, answer in zip(request.apps, document[apps], strict=True):
        _require_answered(app, answer, events)
    if request.protocol == "3.0":
        return fuchsia.check_reply(body)
    if any(app.updatecheck is None for app in request.apps):
        return {}  # Chromium doesn't look into the answer to a report
    if request.protocol == "3.1":
        return chromium.check_reply_31(body)
    accepted = set(request.acceptformat or ("download", "crx3"))
    return chromium.check_reply_40(body, accepted)


def _require_answered(app: messages.AppRequest, answer: dict[str, Any], events: str) -> None:
    require(answer.get(events, []) == [{"status": "ok"}] * len(app.events), "an event without acknowledgement")
    require(("ping" in answer) == (app.ping is not None), "ping and its acknowledgement differ")
    require(("updatecheck" in answer) == (app.updatecheck is not None), "updatecheck unasked or missing")
    data = [(item.get("name"), item.get("index", "")) for item in answer.get("data", [])]
    require(data == [(item.name, item.index) for item in app.data], "data unasked or without an answer")
