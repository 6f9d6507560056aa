"""What was meant with this answer in XML 3.0? The way back from what is written, attribute by attribute.

Stricter than any client: an element or an attribute that isn't known here is an error, so that nothing is written unseen.
"""

import base64
import dataclasses
from xml.etree import ElementTree as ET

from update_core.omaha.manifests import Action, ActionEvent, Floor, Manifest, Offer, Package, PostInstall
from update_core.omaha.messages import (
    AppResponse,
    AppStatus,
    Data,
    DataAnswer,
    DataStatus,
    DayStart,
    NoUpdate,
    Response,
    UpdateCheckAnswer,
    UpdateError,
    UpdateErrorStatus,
)


def as_said(response: Response) -> Response:
    """The response as far as the dialect says it: who installs is told how to update too, and what follows on success once."""
    return dataclasses.replace(response, apps=tuple(dataclasses.replace(app, **_as_said(app)) for app in response.apps))


def _as_said(app: AppResponse) -> dict[str, object]:
    if app.updatecheck is None:
        return {"poll_interval": None}
    if not isinstance(app.updatecheck, Offer):
        return {}
    floors = tuple(dataclasses.replace(floor, manifest=_said(floor.manifest)) for floor in app.updatecheck.floors)
    offer = dataclasses.replace(app.updatecheck, manifest=_said(app.updatecheck.manifest), floors=floors)
    return {"updatecheck": offer}


def _said(manifest: Manifest) -> Manifest:
    onsuccess = [action.onsuccess for action in manifest.actions if action.onsuccess]
    actions = [dataclasses.replace(action, onsuccess="") for action in manifest.actions]
    if not any(action.event is ActionEvent.UPDATE for action in actions):
        installs = [action for action in actions if action.event is ActionEvent.INSTALL]
        actions += [dataclasses.replace(action, event=ActionEvent.UPDATE) for action in installs]
    if actions and onsuccess:
        actions[0] = dataclasses.replace(actions[0], onsuccess=onsuccess[0])
    return dataclasses.replace(manifest, actions=tuple(actions))


def read(body: bytes) -> Response:
    """The response. Raises AssertionError for anything unknown, KeyError and ValueError for what is missing or malformed."""
    root = ET.fromstring(body)
    attributes = dict(root.attrib)
    daystart, *apps = list(root)
    assert (root.tag, daystart.tag) == ("response", "daystart")
    day = DayStart(int(daystart.attrib["elapsed_days"]), int(daystart.attrib["elapsed_seconds"]))
    response = Response(attributes.pop("protocol"), day, tuple(map(_app, apps)), attributes.pop("server"))
    assert not attributes
    return response


def _app(element: ET.Element) -> AppResponse:
    assert element.tag == "app"
    tags = [child.tag for child in element]
    order = ["ping", "updatecheck", "event", "data"]
    assert tags == sorted(tags, key=order.index)
    check = element.find("updatecheck")
    attributes = dict(element.attrib)
    app = AppResponse(
        appid=attributes.pop("appid"),
        status=AppStatus(attributes.pop("status")),
        ping=tags.count("ping") == 1,
        updatecheck=None if check is None else _updatecheck(check),
        event_acks=tags.count("event"),
        cohort=attributes.pop("cohort", None),
        cohorthint=attributes.pop("cohorthint", None),
        cohortname=attributes.pop("cohortname", None),
        poll_interval=None if check is None else _number(dict(check.attrib), "PollInterval"),
        data=tuple(_data(child) for child in element.findall("data")),
    )
    assert not attributes
    assert all(child.attrib == {"status": "ok"} for child in element if child.tag in {"ping", "event"})
    return app


def _updatecheck(element: ET.Element) -> UpdateCheckAnswer:
    assert set(element.attrib) <= {"status", "PollInterval"}
    status = element.attrib["status"]
    if status == "ok":
        urls, *manifests = list(element)
        *floors, target = manifests
        # One that is alone is the target without a word.
        assert target.attrib.get("is_target") == ("true" if floors else None)
        return Offer(
            tuple(url.attrib["codebase"] for url in urls), _manifest(target), tuple(_floor(floor) for floor in floors)
        )
    assert len(element) == 0
    return NoUpdate() if status == "noupdate" else UpdateError(UpdateErrorStatus(status))


def _floor(element: ET.Element) -> Floor:
    assert element.attrib["is_floor"] == "true"
    return Floor(_manifest(element), element.attrib.get("floor_reason", ""))


def _manifest(element: ET.Element) -> Manifest:
    assert set(element.attrib) <= {"version", "is_floor", "floor_reason", "is_target"}
    packages, actions = list(element)
    assert (packages.tag, actions.tag) == ("packages", "actions")
    postinstall, *others = list(actions)
    files = tuple(map(_package, packages))
    said = dict(postinstall.attrib)
    assert said.pop("event") == "postinstall"
    assert base64.b64decode(said["sha256"]) == files[0].sha256
    assert all(action.attrib["sha256"] == said["sha256"] for action in others)
    onsuccess = said.pop("onsuccess", "")
    listed = [Action(ActionEvent(a.attrib["event"]), a.get("run", ""), a.get("arguments", "")) for a in others]
    if onsuccess:
        listed[0] = dataclasses.replace(listed[0], onsuccess=onsuccess)
    assert all(set(action.attrib) <= {"event", "sha256", "run", "arguments"} for action in others)
    return Manifest(element.attrib["version"], files, _postinstall(said), tuple(listed))


def _package(element: ET.Element) -> Package:
    attributes = dict(element.attrib)
    sha1, sha256, fp = (attributes.pop(name, None) for name in ("hash", "hash_sha256", "fp"))
    assert fp == (None if sha256 is None else f"1.{sha256}")
    package = Package(
        name=attributes.pop("name"),
        size=int(attributes.pop("size")),
        sha1=None if sha1 is None else base64.b64decode(sha1),
        sha256=None if sha256 is None else bytes.fromhex(sha256),
        required=_flag(attributes.pop("required")),
    )
    assert not attributes
    return package


def _postinstall(attributes: dict[str, str]) -> PostInstall:
    del attributes["sha256"]
    postinstall = PostInstall(
        metadata_size=_number(attributes, "MetadataSize"),
        metadata_signature_rsa=attributes.pop("MetadataSignatureRsa", ""),
        needsadmin=_flag(attributes.pop("needsadmin")),
        is_delta=_flag(attributes.pop("IsDelta")),
        is_delta_payload=_flag(attributes.pop("IsDeltaPayload")),
        disable_payload_backoff=_flag(attributes.pop("DisablePayloadBackoff")),
        max_failure_count_per_url=_number(attributes, "MaxFailureCountPerUrl"),
        deadline=attributes.pop("deadline", ""),
        prompt=_flag(attributes.pop("Prompt", "false")),
        more_info=attributes.pop("MoreInfo", ""),
        display_version=attributes.pop("DisplayVersion", ""),
    )
    assert not attributes
    return postinstall


def _data(element: ET.Element) -> DataAnswer:
    assert set(element.attrib) <= {"name", "index", "status"}
    data = Data(element.attrib["name"], element.attrib.get("index", ""))
    return DataAnswer(data, DataStatus(element.attrib["status"]))


def _number(attributes: dict[str, str], name: str) -> int | None:
    return int(attributes.pop(name)) if name in attributes else None


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[text]
