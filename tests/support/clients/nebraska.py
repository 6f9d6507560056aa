"""Would Nebraska act on this response? Its updater, which programs embed, and its syncer, which copies another server's channels."""

import itertools
from xml.etree import ElementTree as ET

from support.clients import go_omaha, xml_answers
from support.clients.acceptance import Update, require


def check_reply(body: bytes, appid: str) -> None:
    """The updater on a check: it needs an updatecheck even where the application's status is an error."""
    app = go_omaha.find_app(body, appid)
    require(app.find("updatecheck") is not None, "not a valid update check response")
    go_omaha.require_types(app)


def event_reply(body: bytes, appid: str) -> None:
    """The updater on an event: it goes through a nil pointer unless the application is there with status ok."""
    require(go_omaha.find_app(body, appid).get("status") == "ok", "an application status other than ok")


def syncer(body: bytes) -> tuple[Update, ...]:
    """What the syncer would copy: the floors, lowest first, and the target last; nothing without an update."""
    app = xml_answers.find(xml_answers.parse(body), "app")
    check = xml_answers.find(app, "updatecheck")
    go_omaha.require_types(app)
    manifests = check.findall("manifest")
    if check.get("status") != "ok":
        require(not manifests, "a manifest without an update")
        return ()
    require(bool(manifests), "an update without a manifest")
    codebase = xml_answers.find(check, "urls/url").get("codebase", "")
    require(bool(codebase), "a url without a codebase")
    _require_order(manifests)
    return tuple(_copied(manifest, codebase) for manifest in manifests)


def _require_order(manifests: list[ET.Element]) -> None:
    if len(manifests) == 1:
        return
    *floors, target = manifests
    require(
        all(_is(floor, "is_floor") and not _is(floor, "is_target") for floor in floors), "a floor that isn't marked"
    )
    # Without the mark it takes the last that is no floor, and none if all are.
    require(_is(target, "is_target"), "the last manifest isn't marked as the target")
    versions = [manifest.get("version", "") for manifest in manifests]
    require(all(one != other for one, other in itertools.combinations(versions, 2)), "a version twice")


def _copied(manifest: ET.Element, codebase: str) -> Update:
    require(bool(manifest.get("version")), "a manifest without version")
    package = xml_answers.find(manifest, "packages/package")
    # It keeps the first action as the one for update_engine, whichever that is.
    action = xml_answers.find(manifest, "actions/action")
    require(action.get("event") == "postinstall", "the first action isn't postinstall")
    require(xml_answers.is_base64(action.get("sha256", ""), 32), "an action without a base64 sha256")
    for file in manifest.findall("packages/package"):
        require(bool(file.get("name")), "a package without a name")
        sha1, sha256 = file.get("hash", ""), file.get("hash_sha256", "")
        require(not sha1 or xml_answers.is_base64(sha1, 20), "hash is not base64")
        require(not sha256 or xml_answers.is_sha256_in_hex(sha256), "hash_sha256 is not hexadecimal")
    return Update(manifest.get("version", ""), codebase + package.get("name", ""), int(package.get("size") or 0))


def _is(manifest: ET.Element, mark: str) -> bool:
    return manifest.get(mark) == "true"
