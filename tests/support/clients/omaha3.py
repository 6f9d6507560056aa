"""Would Omaha 3, the updater on Windows, act on this response? One attribute that it misses ends its reading of the whole document."""

import re
from xml.etree import ElementTree as ET

from support.clients import xml_answers
from support.clients.acceptance import require
from update_core.omaha import messages

_EVENTS = {"preinstall", "install", "postinstall", "update"}
_SUCCESS_ACTIONS = {"", "default", "exitsilently", "exitsilentlyonlaunchcmd"}
_STATUSES = {
    *("ok", "noupdate", "restricted", "error-unknownapplication", "error-hwnotsupported", "error-osnotsupported"),
    *("error-internal", "error-hash", "error-unsupportedprotocol"),
}


def reply(body: bytes) -> None:
    """What it demands of every response."""
    root = xml_answers.parse(body)
    require(root.tag.rpartition("}")[2] == "response", "another root element")
    require(bool(re.fullmatch(r"3(\.[0-9]+)?", root.get("protocol", ""))), "another protocol")
    day = root.find("daystart")
    require(day is None or 2400 <= int(day.get("elapsed_days", "-1")) <= 50000, "elapsed_days is missing or absurd")
    for app in root.findall("app"):
        require(app.get("appid") is not None and app.get("status") is not None, "an application without id or status")
        for check in app.iter("updatecheck"):
            require(check.get("status") is not None, "an updatecheck without status")
        for url in app.iter("url"):
            require(url.get("codebase") is not None, "a url without a codebase")
        for action in app.iter("action"):
            require(action.get("event", "").lower() in _EVENTS, "an unknown action")
            require(action.get("onsuccess", "").lower() in _SUCCESS_ACTIONS, "an action on success that does nothing")
        for package in app.iter("package"):
            _require_package(package)
        for data in app.iter("data"):
            require(data.get("status") is not None, "data without status")
            require(data.get("name") in {"install", "untrusted"}, "data with another name")
            require(data.get("name") != "install" or data.get("index") is not None, "install data without index")


def _require_package(package: ET.Element) -> None:
    require(bool(package.get("name")), "a package without a name")
    require(package.get("required") in {"true", "false"}, "required is neither true nor false")
    require(package.get("size", "").isdecimal(), "a package without a size")


def reply_to(request: messages.Request, body: bytes) -> None:
    """What it demands besides of the response to its own request."""
    reply(body)
    root = xml_answers.parse(body)
    for app, answer in zip(request.apps, root.findall("app"), strict=True):
        status = answer.get("status", "").lower()
        check = answer.find("updatecheck")
        if status == "ok" and check is not None:
            status = check.get("status", "").lower()
        require(status in _STATUSES, f"an unknown status: {status}")
        if app.updatecheck is not None and answer.get("status") == "ok":
            # It takes a cohort that isn't there for an empty one, and deletes its own.
            require(not app.cohort or answer.get("cohort") is not None, "the cohort is lost")
        _require_data(app, answer)
        if check is not None and status == "ok":
            _require_update(check)


def _require_data(app: messages.AppRequest, answer: ET.Element) -> None:
    data = [(item.get("name"), item.get("index", "")) for item in answer.findall("data")]
    require(data == [(item.name, item.index) for item in app.data], "data unasked or without an answer")
    untrusted = [item.get("status") for item in answer.findall("data") if item.get("name") == "untrusted"]
    require(untrusted in ([], ["ok"]), "untrusted data that isn't taken")


def _require_update(check: ET.Element) -> None:
    require(len(check.findall("manifest")) == 1, "several manifests, whose packages it throws together")
    for url in check.findall("urls/url"):
        require(bool(re.match("https?://.", url.get("codebase", ""), re.IGNORECASE)), "a codebase that is no HTTP URL")
    packages = check.findall("manifest/packages/package")
    require(bool(packages), "no package to install")
    for package in packages:
        require(xml_answers.is_sha256_in_hex(package.get("hash_sha256", "")), "a package without a digest")
        require(int(package.get("size", "")) < 2**31, "a size that is no 32-bit integer")
    events = [action.get("event") for action in check.findall("manifest/actions/action")]
    require(("install" in events) == ("update" in events), "arguments for an install alone, or for an update alone")
