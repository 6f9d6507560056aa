"""Would Fuchsia's omaha-client act on this response? Every member has its type, and one that is wrong or missing ends the check."""

import re
from typing import Any

from support.clients import json_answers
from support.clients.acceptance import Update, require


def check_reply(body: bytes) -> json_answers.Updates:
    """The update of each application."""
    # It looks for the prefix with its line feed only.
    document = json_answers.members(json_answers.parse(body.removeprefix(json_answers.PREFIX + b"\n")), "document")
    response = json_answers.members(document.get("response"), "response")
    require(isinstance(response.get("protocol"), str), "no protocol")
    json_answers.optional(response, "server", str)
    daystart = response.get("daystart")
    if daystart is not None:
        for name in ("elapsed_days", "elapsed_seconds"):
            value = json_answers.members(daystart, "daystart").get(name)
            require(value is None or (type(value) is int and 0 <= value < 2**32), f"{name} is no u32")
    return dict(json_answers.each(response.get("app"), _fuchsia_app))


def _fuchsia_app(app: dict[str, Any]) -> tuple[str, Update | None]:
    require(isinstance(app.get("appid"), str), "an application without id")
    require(isinstance(app.get("status"), str), "an application without status")
    for name in ("cohort", "cohorthint", "cohortname"):
        json_answers.optional(app, name, str)
    for sent in [*([app["ping"]] if app.get("ping") is not None else []), *(app.get("event") or [])]:
        status = json_answers.members(sent, "ping or event").get("status")
        require(isinstance(status, str), "ping or event without status")
    check = app.get("updatecheck")
    if check is None:
        return app["appid"], None
    require(isinstance(json_answers.members(check, "updatecheck").get("status"), str), "an updatecheck without status")
    json_answers.optional(check, "info", str)
    update = None
    if check.get("urls") is not None or check.get("manifest") is not None:
        update = _fuchsia_update(check)
    require((update is not None) == (check["status"] == "ok"), "an update without manifest, or a manifest without one")
    return app["appid"], update


def _fuchsia_update(check: dict[str, Any]) -> Update:
    urls = json_answers.items(json_answers.members(check.get("urls"), "urls").get("url"), "url")
    require(bool(urls) and all(isinstance(url.get("codebase"), str) for url in urls), "a url without a codebase")
    # The installer's to parse, and of any scheme: Fuchsia's own is fuchsia-pkg.
    require(all(re.match("[A-Za-z][A-Za-z0-9+.-]*://.", url["codebase"]) for url in urls), "a codebase that is no URL")
    manifest = json_answers.members(check.get("manifest"), "manifest")
    require(isinstance(manifest.get("version"), str), "a manifest without version")
    for action in json_answers.items(json_answers.members(manifest.get("actions"), "actions").get("action"), "action"):
        json_answers.optional(action, "event", str)
        json_answers.optional(action, "run", str)
    packages = json_answers.items(json_answers.members(manifest.get("packages"), "packages").get("package"), "package")
    require(bool(packages), "no package")
    for package in packages:
        require(isinstance(package.get("name"), str) and isinstance(package.get("fp"), str), "no name or no fp")
        require(isinstance(package.get("required"), bool), "required is no boolean")
        size = package.get("size")
        require(size is None or (type(size) is int and 0 <= size < 2**64), "size is no u64")
        json_answers.optional(package, "hash", str)
        json_answers.optional(package, "hash_sha256", str)
    return Update(manifest["version"], urls[0]["codebase"] + packages[0]["name"], packages[0]["size"])
