"""Would the clients that speak XML and could have sent this request accept this response?

Each has a strict parser in `support.clients`, written from the rules that its own code enforces. Which of them could have sent a request
is told by what only they send.
"""

from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from support.clients import go_omaha, nebraska, omaha3, ue_rs, update_engine, updatectl, xml_answers
from support.clients.acceptance import require
from update_core.omaha import messages


def assert_accepted(request: messages.Request, body: bytes, content_type: str = "text/xml; charset=utf-8") -> None:
    """Every client that can send `request` acts on `body`; AssertionError (mostly `Rejected`) otherwise."""
    root = xml_answers.parse(body)
    require([a.get("appid") for a in root.findall("app")] == [a.appid for a in request.apps], "other applications")
    for app, answer in zip(request.apps, root.findall("app"), strict=True):
        _require_answered(app, answer)
        if app.updatecheck is not None and answer.get("status") == "ok":
            go_omaha.check_reply(body, app.appid, content_type)
    if request.updater == "Omaha":
        omaha3.reply_to(request, body)
        return
    if not any(app.data for app in request.apps):
        omaha3.reply(body)
    if len(request.apps) == 1 and request.apps[0].updatecheck is not None:
        _assert_single_check_accepted(request.apps[0], body)
    elif len(request.apps) == 1 and root.find("app[@status='ok']") is not None:
        nebraska.event_reply(body, request.apps[0].appid)


def _require_answered(app: messages.AppRequest, answer: ET.Element) -> None:
    require(len(answer.findall("event")) == len(app.events), "events without an acknowledgement each")
    require((answer.find("ping") is None) == (app.ping is None), "ping and its acknowledgement differ")
    require(len(answer.findall("updatecheck")) == (app.updatecheck is not None), "updatecheck unasked or missing")
    data = [(item.get("name"), item.get("index", "")) for item in answer.findall("data")]
    require(data == [(item.name, item.index) for item in app.data], "data unasked or without an answer")


def _assert_single_check_accepted(app: messages.AppRequest, body: bytes) -> None:
    root = xml_answers.parse(body)
    nebraska.check_reply(body, app.appid)
    if app.multi_manifest_ok:
        nebraska.syncer(body)
        return
    updatectl.check_reply(body)
    if root.find("app/updatecheck[@status='ok']") is None:
        if root.find("app[@status='ok']/updatecheck[@status='noupdate']") is not None:
            require(update_engine.check_reply(body) is None, "noupdate is read as an update")
        return
    require(root.find("app/updatecheck/manifest[@is_floor]") is None, "a floor for a client that knows none")
    update_engine.check_reply(body)
    codebases = [url.get("codebase", "") for url in root.iter("url")]
    # An image reference has no scheme; ue-rs downloads files only, and knows applications by UUID only.
    if ue_rs.UUID.fullmatch(app.appid) and all(urlsplit(codebase).scheme for codebase in codebases):
        ue_rs.update_reply(body)
