"""Would Chromium's updater act on this response? Its parser of 3.1, its parser of 4.0, and what its pipeline does with each operation.

The client drops a bad application and goes on with the next; here a bad one is rejected. Brave's updater is the same program.
"""

import ipaddress
import re
from typing import Any
from urllib.parse import urljoin, urlparse, urlsplit, urlunparse

from support.clients import json_answers
from support.clients.acceptance import Rejected, Update, require

MAX_INT = 2**53

_SHA256 = re.compile("[0-9a-f]{64}")


def check_reply_31(body: bytes) -> json_answers.Updates:
    """The parser of Chromium's update client for 3.1. A client drops a bad application; here it is rejected."""
    response = _chromium_response(body, "3.1")
    return dict(json_answers.each(response.get("app"), _chromium_31_app))


def _chromium_31_app(app: dict[str, Any]) -> tuple[str, Update | None]:
    appid = app.get("appid")
    require(isinstance(appid, str) and appid != "", "an application without id")
    status = app.get("status")
    # Later builds know more of these; what the oldest take, all take.
    if status in {"restricted", "error-unknownApplication", "error-invalidAppId"}:
        return str(appid), None
    require(status in {None, "", "ok"}, f"unknown application status {status!r}")
    _require_texts(app)
    check = json_answers.members(app.get("updatecheck"), "updatecheck")
    if check.get("status") == "noupdate":
        return str(appid), None
    require(check.get("status") == "ok", f"updatecheck status {check.get('status')!r}")
    listed = json_answers.items(json_answers.members(check.get("urls"), "urls").get("url"), "url")
    urls = [url["codebase"] for url in listed if _is_url(url)]
    require(bool(urls), "no valid url for a full update")
    manifest = json_answers.members(check.get("manifest"), "manifest")
    require(_is_version(manifest.get("version")), f"version {manifest.get('version')!r}")
    packages = json_answers.items(json_answers.members(manifest.get("packages"), "packages").get("package"), "package")
    require(bool(packages), "no package to install")
    require(all(isinstance(package.get("name"), str) for package in packages), "a package without a name")
    payload = packages[0]
    require(_is_sha256(payload.get("hash_sha256")), "a digest that no download can have")
    url = urls[0] + payload["name"]
    # Through the same mill, because Python drops a "?" without a query, which browsers keep.
    require(urljoin(urls[0], payload["name"]) == urlunparse(urlparse(url)), "a name that leads elsewhere")
    return str(appid), Update(manifest["version"], url, _size(payload))


def _is_url(url: dict[str, Any]) -> bool:
    return isinstance(url.get("codebase"), str) and is_gurl(url["codebase"])


def check_reply_40(body: bytes, accepted: set[str]) -> json_answers.Updates:
    """The parser of Chromium's update client for 4.0, and what its pipeline does with each operation."""
    response = _chromium_response(body, "4.0")
    return dict(json_answers.each(response.get("apps"), lambda app: _chromium_40_app(app, accepted)))


def _chromium_40_app(app: dict[str, Any], accepted: set[str]) -> tuple[str, Update | None]:
    require(isinstance(app.get("appid"), str), "an application without id")
    require(isinstance(app.get("status"), str), "an application without status")
    if app["status"] != "ok":
        return app["appid"], None
    _require_texts(app)
    check = json_answers.members(app.get("updatecheck"), "updatecheck")
    require(isinstance(check.get("status"), str), "an updatecheck without status")
    if check["status"] != "ok":
        require("pipelines" not in check, "pipelines without an update")
        return app["appid"], None
    require(_is_version(check.get("nextversion")), f"version {check.get('nextversion')!r}")
    pipelines = json_answers.items(check.get("pipelines"), "pipelines")
    require(bool(pipelines), "an update without a pipeline")
    first, *_ = [_pipeline(pipeline, check["nextversion"], accepted) for pipeline in pipelines]
    return app["appid"], first


def _pipeline(pipeline: dict[str, Any], version: str, accepted: set[str]) -> Update:
    require(isinstance(pipeline.get("pipeline_id"), str), "a pipeline without a name in the events")
    have: str | None = None
    update: Update | None = None
    for operation in json_answers.items(pipeline.get("operations"), "operations"):
        kind = operation.get("type")
        require(kind in accepted, f"an operation that the client can't carry out: {kind}")
        if kind == "download":
            listed = json_answers.items(operation.get("urls"), "urls")
            urls = [json_answers.members(url, "url").get("url") for url in listed]
            require(bool(urls) and all(isinstance(url, str) and is_gurl(url) for url in urls), "a malformed url")
            have = json_answers.members(operation.get("out"), "out").get("sha256")
            require(_is_sha256(have), "a digest that no download can have")
            update = Update(version, str(urls[0]), _size(operation))
        elif kind == "crx3":
            require(
                json_answers.members(operation.get("in"), "in").get("sha256") == have,
                "installs another file than it fetched",
            )
        elif kind == "run":
            require(bool(operation.get("path")), "runs nothing")
    if update is None:
        raise Rejected("a pipeline that fetches nothing")
    return update


def _chromium_response(body: bytes, protocol: str) -> dict[str, Any]:
    require(body.startswith(json_answers.PREFIX), "no secure JSON prefix")
    document = json_answers.members(json_answers.parse(body[len(json_answers.PREFIX) :]), "document")
    response = json_answers.members(document.get("response"), "response")
    require(response.get("protocol") == protocol, f"protocol {response.get('protocol')!r}")
    days = json_answers.members(response.get("daystart"), "daystart").get("elapsed_days")
    require(type(days) is int and 0 <= days < 2**31, "no day to count from")
    return response


def _require_texts(app: dict[str, Any]) -> None:
    # It takes what is no text for nothing at all: a cohort would be lost, and data.
    for name in ("cohort", "cohorthint", "cohortname"):
        json_answers.optional(app, name, str)
    for data in json_answers.items(app.get("data", []), "data"):
        require(isinstance(json_answers.members(data, "data").get("status"), str), "data without status")
        require(isinstance(data.get("name"), str), "data without name")
        json_answers.optional(data, "index", str)


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
    require(type(size) is int and 0 < size < MAX_INT, "a size that is read as 0")
    return int(str(size))


def _is_sha256(text: object) -> bool:
    return isinstance(text, str) and bool(_SHA256.fullmatch(text))
