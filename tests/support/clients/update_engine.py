"""Would Flatcar's update_engine act on this response? Plain XPath without namespaces, always the first match in the document."""

import base64
import re
from xml.etree import ElementTree as ET

from support.clients import xml_answers
from support.clients.acceptance import Rejected, Update, require

_PACKAGE = "app/updatecheck/manifest/packages/package"


def check_reply(body: bytes) -> Update | None:
    """The update, None if there is none."""
    require(bool(body), "an empty body (error 30)")
    root = xml_answers.parse(body)
    require(root.tag == "response", "a root element in a namespace or with another name (error 34)")
    check = xml_answers.find(root, "app/updatecheck")
    _ = poll_interval(body)
    status = check.get("status")
    if status == "noupdate":
        return None
    require(status == "ok", f"updatecheck status {status!r} (error 34 and an error event)")
    require(len(root.findall("app/updatecheck/manifest")) == 1, "not exactly one manifest")
    urls = [url.get("codebase", "") for url in root.findall("app/updatecheck/urls/url")]
    require(bool(urls) and all(urls), "no url with a codebase")
    package = xml_answers.find(root, _PACKAGE)
    size = package.get("size", "")
    require(bool(package.get("name")), "a package without a name")
    require(size.isdecimal() and int(size) > 0, "a package without a size")
    _require_postinstall(root, package)
    require(body.endswith(b"</response>"), "Flatcar's postinstall script does not find the end")
    require(urls[0].endswith("/"), "old builds join codebase and name without a slash")
    version = xml_answers.find(root, "app/updatecheck/manifest").get("version", "")
    return Update(version, urls[0] + package.get("name", ""), int(size))


def poll_interval(body: bytes) -> int:
    """Seconds until the next check, 0 for its own choice. It looks at that before anything else, so an error has one too."""
    text = xml_answers.find(xml_answers.parse(body), "app/updatecheck").get("PollInterval")
    if text is None:
        return 0
    # It is silent about one that it can't read.
    require(bool(re.fullmatch("[0-9]{1,9}", text)) and int(text) > 0, f"a PollInterval that is read as none: {text!r}")
    return int(text)


def _require_postinstall(root: ET.Element, package: ET.Element) -> None:
    actions = root.findall("app/updatecheck/manifest/actions/action")
    postinstall = next((action for action in actions if action.get("event") == "postinstall"), None)
    if postinstall is None:
        raise Rejected("no postinstall action")
    # The downloaded payload's digest is compared with this text, so it has to be standard base64 of the same digest.
    digest = base64.b64encode(bytes.fromhex(package.get("hash_sha256", ""))).decode()
    require(postinstall.get("sha256") == digest, "the action's sha256 is not the payload's in base64")
    for flag in ("IsDeltaPayload", "DisablePayloadBackoff", "needsadmin", "Prompt"):
        require(postinstall.get(flag, "false") in {"true", "false"}, f"{flag} is compared with 'true' alone")
    failures = postinstall.get("MaxFailureCountPerUrl")
    require(failures is None or bool(re.fullmatch("[0-9]{1,9}", failures)), "MaxFailureCountPerUrl is no number")
