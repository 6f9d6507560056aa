"""Would ue-rs act on this response? The strictest: fed update responses only, it fails on a check without urls and manifest."""

import re
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from support.clients import xml_answers
from support.clients.acceptance import require

UUID = re.compile(r"\{?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?")
_EVENTS = {"preinstall", "install", "postinstall", "update"}
_SUCCESS_ACTIONS = {None, "default", "exitsilently", "exitsilentlyonlaunchcmd"}


def update_reply(body: bytes) -> None:
    """It downloads every package of the update."""
    root = xml_answers.parse(body)
    require(root.get("protocol") is not None, "no protocol")
    for app in root.findall("app"):
        require(bool(UUID.fullmatch(app.get("appid", ""))), "an appid that is no UUID")
        check = xml_answers.find(app, "updatecheck")
        require(app.get("status") is not None and check.get("status") is not None, "no status")
        manifest = xml_answers.find(check, "manifest")
        require(len(check.findall("manifest")) == 1, "several manifests, of which the last counts")
        require(manifest.get("version") is not None, "a manifest without version")
        _require_urls(check)
        for package in xml_answers.find(manifest, "packages").findall("package"):
            _require_package(package)
        for action in xml_answers.find(manifest, "actions").findall("action"):
            _require_action(action)
    for tag in re.findall(rb"<url\b[^>]*>", body):
        require(tag.startswith(b'<url codebase="'), "codebase is not the first attribute: the url is lost")


def _require_urls(check: ET.Element) -> None:
    require(len(check.findall("urls/url")) > 0, "no url")
    for url in check.findall("urls/url"):
        codebase = urlsplit(url.get("codebase", ""))
        require(bool(codebase.scheme and codebase.netloc), "a codebase that is no absolute url")


def _require_package(package: ET.Element) -> None:
    require(bool(package.get("name")), "a package without a name")
    require(package.get("size", "").isdecimal(), "a package without a size")
    require(package.get("required") in {"true", "false"}, "required is neither true nor false")
    sha1, sha256 = package.get("hash"), package.get("hash_sha256")
    require(sha1 is None or xml_answers.is_base64(sha1, 20), "hash is not base64")
    require(sha256 is None or xml_answers.is_sha256_in_hex(sha256), "hash_sha256 is not hexadecimal")
    require(sha1 is not None or sha256 is not None, "a package without a digest is passed over")


def _require_action(action: ET.Element) -> None:
    require(xml_answers.is_base64(action.get("sha256", ""), 32), "an action without a base64 sha256")
    require(action.get("event") in _EVENTS, "an unknown action")
    require(action.get("DisablePayloadBackoff", "true") in {"true", "false"}, "DisablePayloadBackoff is no boolean")
    require(action.get("successaction") in _SUCCESS_ACTIONS, "an unknown success action")
