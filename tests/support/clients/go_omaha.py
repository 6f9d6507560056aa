"""Would the client of go-omaha act on this response? Exact protocol, exact appid, and Go's booleans and integers."""

import re
from xml.etree import ElementTree as ET

from support.clients import xml_answers
from support.clients.acceptance import Rejected, require

_BOOLEANS = {"1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"}
_FLAGS = {
    "manifest": ("is_floor", "is_target"),
    "package": ("required",),
    "action": ("needsadmin", "IsDelta", "IsDeltaPayload", "DisablePayloadBackoff", "Prompt"),
}
_COUNTS = {"package": ("size",), "action": ("MaxFailureCountPerUrl",)}


def check_reply(body: bytes, appid: str, content_type: str = "text/xml; charset=utf-8") -> None:
    """The client acts on an application that is there, with status ok and an updatecheck."""
    kind, _, parameter = content_type.partition(";")
    require(kind.strip() in {"", "text/xml", "application/xml"}, f"content type {content_type!r}")
    require(parameter.strip().lower() in {"", "charset=utf-8"}, f"charset in {content_type!r}")
    require(len(body) <= 1024 * 1024, "more than 1 MiB")
    declared = re.match(rb"""<\?xml[^>]*encoding=["']([^"']*)""", body)
    require(declared is None or declared[1].lower() == b"utf-8", "an encoding other than UTF-8")
    app = find_app(body, appid)
    require(app.get("status") == "ok", "an application status other than ok")
    xml_answers.find(app, "updatecheck")
    require_types(app)


def find_app(body: bytes, appid: str) -> ET.Element:
    """The application, in a response of the protocol."""
    root = xml_answers.parse(body)
    require(root.tag.rpartition("}")[2] == "response", "another root element")
    require(root.get("protocol") == "3.0", "another protocol")
    app = next((app for app in root.findall("app") if app.get("appid") == appid), None)
    if app is None:
        raise Rejected("the application is missing (compared byte for byte)")
    return app


def require_types(app: ET.Element) -> None:
    """Every attribute that goes into a typed field has that type: one that hasn't fails the whole document."""
    for element in app.iter():
        for name in _FLAGS.get(element.tag, ()):
            require(element.get(name, "true") in _BOOLEANS, f"{name} is no boolean")
        for name in _COUNTS.get(element.tag, ()):
            require(bool(re.fullmatch("[0-9]*", element.get(name, ""))), f"{name} is no integer")
            require(int(element.get(name) or 0) < 2**64, f"{name} doesn't fit into 64 bits")
