"""Would the clients that exist accept this response?

One strict parser per client, written from the rules that its own code enforces, each raising `Rejected` where the
client would give up. `assert_accepted` runs a response through every client that could have sent the request.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from update_core.omaha import messages

_UUID = re.compile(r"\{?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


class Rejected(AssertionError):  # noqa: N818 (what the client did, as a test failure)
    """The client would not act on this response."""


@dataclass(frozen=True)
class Update:
    """What the client would install."""

    version: str
    url: str
    size: int


def assert_accepted(request: messages.Request, body: bytes, content_type: str = "text/xml; charset=utf-8") -> None:
    """Every client that can send `request` acts on `body`; AssertionError (mostly `Rejected`) otherwise."""
    root = _parse(body)
    _require([a.get("appid") for a in root.findall("app")] == [a.appid for a in request.apps], "other applications")
    omaha_3(body)
    for app, answer in zip(request.apps, root.findall("app"), strict=True):
        _require(len(answer.findall("event")) == len(app.events), "events without an acknowledgement each")
        _require((answer.find("ping") is None) == (app.ping is None), "ping and its acknowledgement differ")
        _require(len(answer.findall("updatecheck")) == (app.updatecheck is not None), "updatecheck unasked or missing")
        if app.updatecheck is not None and answer.get("status") == "ok":
            go_omaha(body, app.appid, content_type)
    if len(request.apps) == 1 and request.apps[0].updatecheck is not None:
        _assert_single_check_accepted(request.apps[0].appid, body)
    elif len(request.apps) == 1 and root.find("app[@status='ok']") is not None:
        nebraska_event_reply(body, request.apps[0].appid)


def _assert_single_check_accepted(appid: str, body: bytes) -> None:
    nebraska_check_reply(body, appid)
    updatectl(body)
    if _parse(body).find("app/updatecheck[@status='ok']") is None:
        if _parse(body).find("app[@status='ok']/updatecheck[@status='noupdate']") is not None:
            _require(update_engine(body) is None, "noupdate is read as an update")
        return
    update_engine(body)
    codebases = [url.get("codebase", "") for url in _parse(body).iter("url")]
    # An image reference has no scheme; ue-rs downloads files only, and knows applications by UUID only.
    if _UUID.fullmatch(appid) and all(urlsplit(codebase).scheme for codebase in codebases):
        ue_rs(body)


def update_engine(body: bytes) -> Update | None:
    """Flatcar's update_engine: plain XPath without namespaces, always the first match in the document."""
    _require(bool(body), "an empty body (error 30)")
    root = _parse(body)
    _require(root.tag == "response", "a root element in a namespace or with another name (error 34)")
    check = _find(root, "app/updatecheck")
    status = check.get("status")
    if status == "noupdate":
        return None
    _require(status == "ok", f"updatecheck status {status!r} (error 34 and an error event)")
    urls = [url.get("codebase", "") for url in root.findall("app/updatecheck/urls/url")]
    _require(bool(urls) and all(urls), "no url with a codebase")
    package = _find(root, "app/updatecheck/manifest/packages/package")
    size = package.get("size", "")
    _require(bool(package.get("name")), "a package without a name")
    _require(size.isdecimal() and int(size) > 0, "a package without a size")
    actions = root.findall("app/updatecheck/manifest/actions/action")
    postinstall = [action for action in actions if action.get("event") == "postinstall"]
    _require(bool(postinstall), "no postinstall action")
    # The downloaded payload's digest is compared with this text, so it has to be standard base64 of the same digest.
    digest = base64.b64encode(bytes.fromhex(package.get("hash_sha256", ""))).decode()
    _require(postinstall[0].get("sha256") == digest, "the action's sha256 is not the payload's in base64")
    _require(body.endswith(b"</response>"), "Flatcar's postinstall script does not find the end")
    _require(urls[0].endswith("/"), "old builds join codebase and name without a slash")
    return Update(
        _find(root, "app/updatecheck/manifest").get("version", ""), urls[0] + package.get("name", ""), int(size)
    )


def go_omaha(body: bytes, appid: str, content_type: str = "text/xml; charset=utf-8") -> None:
    """The client of go-omaha: exact protocol, exact appid, Go's booleans and integers."""
    kind, _, parameter = content_type.partition(";")
    _require(kind.strip() in {"", "text/xml", "application/xml"}, f"content type {content_type!r}")
    _require(parameter.strip().lower() in {"", "charset=utf-8"}, f"charset in {content_type!r}")
    _require(len(body) <= 1024 * 1024, "more than 1 MiB")
    declared = re.match(rb"""<\?xml[^>]*encoding=["']([^"']*)""", body)
    _require(declared is None or declared[1].lower() == b"utf-8", "an encoding other than UTF-8")
    root = _parse(body)
    _require(root.get("protocol") == "3.0", "another protocol")
    app = next((app for app in root.findall("app") if app.get("appid") == appid), None)
    if app is None:
        raise Rejected("the application is missing (compared byte for byte)")
    _require(app.get("status") == "ok", "an application status other than ok")
    _find(app, "updatecheck")
    _require_go_types(app)


def _require_go_types(app: ET.Element) -> None:
    booleans = {"1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"}
    for element in app.iter():
        for name in ("required", "needsadmin", "IsDelta", "IsDeltaPayload", "DisablePayloadBackoff"):
            _require(element.get(name, "true") in booleans, f"{name} is no boolean")
        _require(bool(re.fullmatch("[0-9]*", element.get("size", ""))), "size is no integer")


def nebraska_check_reply(body: bytes, appid: str) -> None:
    """Nebraska's updater on a check: it needs an updatecheck even where the application's status is an error."""
    app = _nebraska_app(body, appid)
    _require(app.find("updatecheck") is not None, "not a valid update check response")
    _require_go_types(app)


def nebraska_event_reply(body: bytes, appid: str) -> None:
    """Nebraska's updater on an event: it goes through a nil pointer unless the application is there with status ok."""
    _require(_nebraska_app(body, appid).get("status") == "ok", "an application status other than ok")


def _nebraska_app(body: bytes, appid: str) -> ET.Element:
    root = _parse(body)
    _require(root.get("protocol") == "3.0", "another protocol")
    app = next((app for app in root.findall("app") if app.get("appid") == appid), None)
    if app is None:
        raise Rejected("the application is missing (compared byte for byte)")
    return app


def updatectl(body: bytes) -> Update | None:
    """CoreOS's updatectl (`watch` and the fake clients): follows the first of everything without looking."""
    app = _find(_parse(body), "app")
    check = _find(app, "updatecheck")
    if check.get("status") != "ok":
        return None
    manifests = check.findall("manifest")
    _require(len(manifests) == 1, "not exactly one manifest")
    codebase = _find(check, "urls/url").get("codebase", "")
    package = _find(manifests[0], "packages/package")
    return Update(manifests[0].get("version", ""), codebase + package.get("name", ""), int(package.get("size", "")))


def ue_rs(body: bytes) -> None:
    """ue-rs, the strictest: fed update responses only, it fails on a check without urls and manifest."""
    root = _parse(body)
    for app in root.findall("app"):
        _require(bool(_UUID.fullmatch(app.get("appid", ""))), "an appid that is no UUID")
        check = _find(app, "updatecheck")
        _find(check, "manifest")
        _require(len(check.findall("urls/url")) > 0, "no url")
        for url in check.findall("urls/url"):
            codebase = urlsplit(url.get("codebase", ""))
            _require(bool(codebase.scheme and codebase.netloc), "a codebase that is no absolute url")
        for package in check.iter("package"):
            _require_ue_rs_package(package)
        for action in check.iter("action"):
            _require(_is_base64(action.get("sha256", ""), 32), "an action without a base64 sha256")
            _require(action.get("event") in {"preinstall", "install", "postinstall", "update"}, "an unknown action")
    for tag in re.findall(rb"<url\b[^>]*>", body):
        _require(tag.startswith(b'<url codebase="'), "codebase is not the first attribute: the url is lost")


def _require_ue_rs_package(package: ET.Element) -> None:
    _require(bool(package.get("name")), "a package without a name")
    _require(package.get("size", "").isdecimal(), "a package without a size")
    _require(package.get("required") in {"true", "false"}, "required is neither true nor false")
    sha1, sha256 = package.get("hash"), package.get("hash_sha256")
    _require(sha1 is None or _is_base64(sha1, 20), "hash is not base64")
    _require(sha256 is None or bool(re.fullmatch("[0-9a-f]{64}", sha256)), "hash_sha256 is not hexadecimal")


def omaha_3(body: bytes) -> None:
    """Google Omaha 3: needs the day, and a digest for each package that it is to install."""
    root = _parse(body)
    _require(root.get("protocol", "").split(".")[0] == "3", "another protocol")
    day = root.find("daystart")
    _require(day is None or 2400 <= int(day.get("elapsed_days", "-1")) <= 50000, "elapsed_days is missing or absurd")
    for app in root.findall("app"):
        _require(app.get("appid") is not None and app.get("status") is not None, "an application without id or status")
        for action in app.iter("action"):
            _require(action.get("event") in {"preinstall", "install", "postinstall", "update"}, "an unknown action")
        for package in app.iter("package"):
            _require(bool(package.get("name")), "a package without a name")
            _require(package.get("required") in {"true", "false"}, "required is neither true nor false")
            _require(package.get("size", "").isdecimal(), "a package without a size")


def _parse(body: bytes) -> ET.Element:
    try:
        return ET.fromstring(body)
    except ET.ParseError as error:
        raise Rejected(f"not well-formed: {error}") from error


def _find(element: ET.Element, path: str) -> ET.Element:
    found: Iterator[ET.Element] = element.iterfind(path)
    first = next(found, None)
    if first is None:
        raise Rejected(f"no {path}")
    return first


def _is_base64(text: str, size: int) -> bool:
    return bool(text) and bool(_BASE64.fullmatch(text)) and len(base64.b64decode(text)) == size


def _require(condition: bool, why_not: str) -> None:
    if not condition:
        raise Rejected(why_not)
