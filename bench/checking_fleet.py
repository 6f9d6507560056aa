"""Who checks, and where? A catalog of many groups, and instances spread over them that are all up to date, with what each sends."""

import hashlib
import json
import uuid
from typing import Any

APP_ID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
VERSION = "1.1.0"
OEMS = ("qemu", "vmware")
_CHECK = """<?xml version="1.0" encoding="UTF-8"?>
<request protocol="3.0" version="update_engine-0.4.10" updaterversion="update_engine-0.4.10" installsource="scheduler" ismachine="1">
    <os version="Chateau" platform="CoreOS" sp="{version}_x86_64"></os>
    <app appid="{{{app_id}}}" version="{version}" track="{track}" bootid="{{{boot}}}" oem="{oem}" oemversion="" alephversion="1.0.0" \
machineid="{machine}" machinealias="" lang="en-US" board="amd64-usr" hardware_class="" delta_okay="false" >
        <ping active="1"></ping>
        <updatecheck></updatecheck>
        <event eventtype="3" eventresult="2" previousversion=""></event>
    </app>
</request>
"""


def xml_check(number: int, groups: int) -> bytes:
    """The check of one instance as update_engine sends it: ping, updatecheck and the 3:2 that comes with each."""
    oem = OEMS[number // groups % len(OEMS)]
    return core_os_check(VERSION, _track(number % groups), oem, uuid.uuid4().hex)


def core_os_check(version: str, track: str, oem: str, machine: str) -> bytes:
    """The same of an instance with this machine id, which runs a version."""
    return _CHECK.format(
        version=version, app_id=APP_ID, track=track, oem=oem, boot=uuid.uuid4(), machine=machine
    ).encode()


def json_check(number: int, groups: int) -> bytes:
    """The same in JSON 3.1, said by a client that tells its user's id."""
    app = {
        "appid": APP_ID, "version": VERSION, "cohorthint": _track(number % groups), "lang": "en-US", "updatecheck": {},
        "ping": {"ad": 7000, "rd": 7000}, "event": [{"eventtype": 3, "eventresult": 2}],
    }  # fmt: skip
    request = {
        "protocol": "3.1", "acceptformat": "crx3", "updater": "bench", "updaterversion": "1.0", "ismachine": True,
        "requestid": f"{{{uuid.uuid4()}}}", "sessionid": f"{{{uuid.uuid4()}}}", "userid": uuid.uuid4().hex,
        "os": {"platform": "linux", "version": "6.6", "arch": "x64"}, "app": [app],
    }  # fmt: skip
    return json.dumps({"request": request}, separators=(",", ":")).encode()


def cup_query(number: int, body: bytes, key_id: int) -> str:
    """What a client adds to the address so that the answer is signed for it alone."""
    return f"?cup2key={key_id}:{number}&cup2hreq={hashlib.sha256(body).hexdigest()}"


def resources(groups: int) -> list[dict[str, Any]]:
    """An application whose groups follow one channel."""
    reference = {"applicationRef": {"name": "app"}}
    made = [
        resource("Application", "app", {"appId": APP_ID}),
        resource("Channel", "master", {**reference, "name": "master", "version": VERSION}),
    ]
    for number in range(groups):
        track = _track(number)
        made.append(resource("Group", track, {**reference, "channelRef": {"name": "master"}, "track": track}))
    return made


def _track(number: int) -> str:
    return f"group-{number:04}"


def resource(kind: str, name: str, spec: dict[str, Any], status: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object as the API server has it."""
    metadata = {"name": name, "namespace": "bench", "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {
        "apiVersion": "updateservice.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec, "status": status or {},
    }  # fmt: skip
