"""Would the clients that speak JSON accept this response?

One strict parser per client, after what its own code demands: Chromium's of 3.1 and of 4.0, and Fuchsia's. Each raises
`Rejected` where the client would give up, and gives back what the client would install of each application. Python's own
parsers of JSON and URLs stand where the clients have theirs.
"""

import ipaddress
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlparse, urlsplit, urlunparse

from support.omaha_clients import Rejected, Update
from update_core.omaha import messages

MAX_INT = 2**53
PREFIX = b")]}'"

Updates = dict[str, Update | None]
"""What each application would install; None for an application without an update."""

_SHA256 = re.compile("[0-9a-f]{64}")


def assert_accepted(request: messages.Request, body: bytes, content_type: str = "application/json") -> Updates:
    """The client that sent `request` acts on `body`; AssertionError (mostly `Rejected`) otherwise."""
    _require(content_type.partition(";")[0] == "application/json", f"content type {content_type!r}")
    _require(body.startswith(PREFIX + b"\n"), "no prefix against execution as a script")
    document = json.loads(body[len(PREFIX) :], object_pairs_hook=_once)["response"]
    apps, events = ("apps", "events") if request.protocol == "4.0" else ("app", "event")
    _require(document["protocol"] == request.protocol, "another protocol")
    _require([app["appid"] for app in document[apps]] == [app.appid for app in request.apps], "other applications")
    for app, answer in zip(request.apps, document[apps], strict=True):
        _require(answer.get(events, []) == [{"status": "ok"}] * len(app.events), "an event without acknowledgement")
        _require(("ping" in answer) == (app.ping is not None), "ping and its acknowledgement differ")
        _require(("updatecheck" in answer) == (app.updatecheck is not None), "updatecheck unasked or missing")
    if request.protocol == "3.0":
        return fuchsia(body)
    if any(app.updatecheck is None for app in request.apps):
        return {}  # Chromium doesn't look into the answer to a report
    if request.protocol == "3.1":
        return chromium_31(body)
    accepted = set(request.acceptformat or ("download", "crx3"))
    return chromium_40(body, accepted)


# Chromium


def chromium_31(body: bytes) -> Updates:
    """The parser of Chromium's update client for 3.1. A client drops a bad application; here it is rejected."""
    response = _chromium_response(body, "3.1")
    return dict(_each(response.get("app"), _chromium_31_app))


def _chromium_31_app(app: dict[str, Any]) -> tuple[str, Update | None]:
    appid = app.get("appid")
    _require(isinstance(appid, str) and appid != "", "an application without id")
    status = app.get("status")
    # Later builds know more of these; what the oldest take, all take.
    if status in {"restricted", "error-unknownApplication", "error-invalidAppId"}:
        return str(appid), None
    _require(status in {None, "", "ok"}, f"unknown application status {status!r}")
    check = _object(app.get("updatecheck"), "updatecheck")
    if check.get("status") == "noupdate":
        return str(appid), None
    _require(check.get("status") == "ok", f"updatecheck status {check.get('status')!r}")
    urls = [url["codebase"] for url in _list(_object(check.get("urls"), "urls").get("url"), "url") if _is_url(url)]
    _require(bool(urls), "no valid url for a full update")
    manifest = _object(check.get("manifest"), "manifest")
    _require(_is_version(manifest.get("version")), f"version {manifest.get('version')!r}")
    packages = _list(_object(manifest.get("packages"), "packages").get("package"), "package")
    _require(bool(packages), "no package to install")
    _require(all(isinstance(package.get("name"), str) for package in packages), "a package without a name")
    payload = packages[0]
    _require(_is_sha256(payload.get("hash_sha256")), "a digest that no download can have")
    url = urls[0] + payload["name"]
    # Through the same mill, because Python drops a "?" without a query, which browsers keep.
    _require(urljoin(urls[0], payload["name"]) == urlunparse(urlparse(url)), "a name that leads elsewhere")
    return str(appid), Update(manifest["version"], url, _size(payload))


def _is_url(url: dict[str, Any]) -> bool:
    return isinstance(url.get("codebase"), str) and is_gurl(url["codebase"])


def chromium_40(body: bytes, accepted: set[str]) -> Updates:
    """The parser of Chromium's update client for 4.0, and what its pipeline does with each operation."""
    response = _chromium_response(body, "4.0")
    return dict(_each(response.get("apps"), lambda app: _chromium_40_app(app, accepted)))


def _chromium_40_app(app: dict[str, Any], accepted: set[str]) -> tuple[str, Update | None]:
    _require(isinstance(app.get("appid"), str), "an application without id")
    _require(isinstance(app.get("status"), str), "an application without status")
    if app["status"] != "ok":
        return app["appid"], None
    check = _object(app.get("updatecheck"), "updatecheck")
    _require(isinstance(check.get("status"), str), "an updatecheck without status")
    if check["status"] != "ok":
        _require("pipelines" not in check, "pipelines without an update")
        return app["appid"], None
    _require(_is_version(check.get("nextversion")), f"version {check.get('nextversion')!r}")
    pipelines = _list(check.get("pipelines"), "pipelines")
    _require(bool(pipelines), "an update without a pipeline")
    first, *_ = [_pipeline(pipeline, check["nextversion"], accepted) for pipeline in pipelines]
    return app["appid"], first


def _pipeline(pipeline: dict[str, Any], version: str, accepted: set[str]) -> Update:
    _require(isinstance(pipeline.get("pipeline_id"), str), "a pipeline without a name in the events")
    have: str | None = None
    update: Update | None = None
    for operation in _list(pipeline.get("operations"), "operations"):
        kind = operation.get("type")
        _require(kind in accepted, f"an operation that the client can't carry out: {kind}")
        if kind == "download":
            urls = [_object(url, "url").get("url") for url in _list(operation.get("urls"), "urls")]
            _require(bool(urls) and all(isinstance(url, str) and is_gurl(url) for url in urls), "a malformed url")
            have = _object(operation.get("out"), "out").get("sha256")
            _require(_is_sha256(have), "a digest that no download can have")
            update = Update(version, str(urls[0]), _size(operation))
        elif kind == "crx3":
            _require(_object(operation.get("in"), "in").get("sha256") == have, "installs another file than it fetched")
        elif kind == "run":
            _require(bool(operation.get("path")), "runs nothing")
    if update is None:
        raise Rejected("a pipeline that fetches nothing")
    return update


def _chromium_response(body: bytes, protocol: str) -> dict[str, Any]:
    _require(body.startswith(PREFIX), "no secure JSON prefix")
    response = _object(_object(_parse(body[len(PREFIX) :]), "document").get("response"), "response")
    _require(response.get("protocol") == protocol, f"protocol {response.get('protocol')!r}")
    days = _object(response.get("daystart"), "daystart").get("elapsed_days")
    _require(type(days) is int and 0 <= days < 2**31, "no day to count from")
    return response


def _is_version(text: object) -> bool:
    """base::Version: dotted 32-bit numbers, the first without leading zeros."""
    if not isinstance(text, str):
        return False
    parts = text.split(".")
    return all(re.fullmatch("[0-9]+", part) and int(part) < 2**32 for part in parts) and str(int(parts[0])) == parts[0]


def is_gurl(url: str) -> bool:
    """GURL's is_valid for what is downloaded: http or https, with a host, read as it is written."""
    if re.search(r"[\s\x00-\x1f\\]", url):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
        if re.fullmatch(r"(.*\.)?[0-9]+", host) or ":" in host:
            ipaddress.ip_address(host)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(host)


def _size(node: dict[str, Any]) -> int:
    size = node.get("size")
    _require(type(size) is int and 0 < size < MAX_INT, "a size that is read as 0")
    return int(str(size))


def _is_sha256(text: object) -> bool:
    return isinstance(text, str) and bool(_SHA256.fullmatch(text))


# Fuchsia


def fuchsia(body: bytes) -> Updates:
    """Fuchsia's omaha-client: every member has its type, and one that is wrong or missing ends the check."""
    # It looks for the prefix with its line feed only.
    document = _object(_parse(body.removeprefix(PREFIX + b"\n")), "document")
    response = _object(document.get("response"), "response")
    _require(isinstance(response.get("protocol"), str), "no protocol")
    _optional(response, "server", str)
    daystart = response.get("daystart")
    if daystart is not None:
        for name in ("elapsed_days", "elapsed_seconds"):
            value = _object(daystart, "daystart").get(name)
            _require(value is None or (type(value) is int and 0 <= value < 2**32), f"{name} is no u32")
    return dict(_each(response.get("app"), _fuchsia_app))


def _fuchsia_app(app: dict[str, Any]) -> tuple[str, Update | None]:
    _require(isinstance(app.get("appid"), str), "an application without id")
    _require(isinstance(app.get("status"), str), "an application without status")
    for name in ("cohort", "cohorthint", "cohortname"):
        _optional(app, name, str)
    for acknowledged in [*([app["ping"]] if app.get("ping") is not None else []), *(app.get("event") or [])]:
        _require(isinstance(_object(acknowledged, "ping or event").get("status"), str), "ping or event without status")
    check = app.get("updatecheck")
    if check is None:
        return app["appid"], None
    _require(isinstance(_object(check, "updatecheck").get("status"), str), "an updatecheck without status")
    _optional(check, "info", str)
    update = None
    if check.get("urls") is not None or check.get("manifest") is not None:
        update = _fuchsia_update(check)
    _require((update is not None) == (check["status"] == "ok"), "an update without manifest, or a manifest without one")
    return app["appid"], update


def _fuchsia_update(check: dict[str, Any]) -> Update:
    urls = _list(_object(check.get("urls"), "urls").get("url"), "url")
    _require(bool(urls) and all(isinstance(url.get("codebase"), str) for url in urls), "a url without a codebase")
    # The installer's to parse, and of any scheme: Fuchsia's own is fuchsia-pkg.
    _require(all(re.match("[A-Za-z][A-Za-z0-9+.-]*://.", url["codebase"]) for url in urls), "a codebase that is no URL")
    manifest = _object(check.get("manifest"), "manifest")
    _require(isinstance(manifest.get("version"), str), "a manifest without version")
    for action in _list(_object(manifest.get("actions"), "actions").get("action"), "action"):
        _optional(action, "event", str)
        _optional(action, "run", str)
    packages = _list(_object(manifest.get("packages"), "packages").get("package"), "package")
    _require(bool(packages), "no package")
    for package in packages:
        _require(isinstance(package.get("name"), str) and isinstance(package.get("fp"), str), "no name or no fp")
        _require(isinstance(package.get("required"), bool), "required is no boolean")
        size = package.get("size")
        _require(size is None or (type(size) is int and 0 <= size < 2**64), "size is no u64")
        _optional(package, "hash", str)
        _optional(package, "hash_sha256", str)
    return Update(manifest["version"], urls[0]["codebase"] + packages[0]["name"], packages[0]["size"])


def _optional(node: dict[str, Any], name: str, kind: type) -> None:
    _require(node.get(name) is None or isinstance(node[name], kind), f"{name} has another type")


# JSON


def _parse(text: bytes) -> object:
    try:
        return json.loads(text.decode(), object_pairs_hook=_once)
    except ValueError as error:
        raise Rejected(f"not well-formed: {error}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    _require(len(members) == len(pairs), "a name twice, which Fuchsia refuses")
    return members


def _each(
    value: object, read: Callable[[dict[str, Any]], tuple[str, Update | None]]
) -> list[tuple[str, Update | None]]:
    return [read(_object(item, "application")) for item in _list(value, "applications")]


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Rejected(f"{what} is missing or no object")
    return value


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise Rejected(f"{what} is missing or no list")
    return value


def _require(condition: bool, why_not: str) -> None:
    if not condition:
        raise Rejected(why_not)
