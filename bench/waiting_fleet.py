"""Who waits for an update? Instances of one Group at an old version, known to the store for a month, and what each of them sends."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import checking_fleet
import fleet_rows

from update_core.fleet.attributes import Attributes
from update_core.fleet.grants import Grant, GrantState
from update_core.fleet.store import InstanceRecord

APP_ID = checking_fleet.APP_ID
TRACK = "waiting"
OLD, NEW = "1.0.0", "1.1.0"
SEQUENCE = 1
MACHINE = Attributes(
    oem="qemu", alephversion="1.0.0", board="amd64-usr", lang="en-US", platform="CoreOS", osversion="Chateau",
    sp=f"{OLD}_x86_64",
)  # fmt: skip
"""As a check describes it."""

_SHA256 = "a" * 64
_KNOWN_FOR = timedelta(days=30)
_PING = """<?xml version="1.0" encoding="UTF-8"?>
<request protocol="3.0" version="update_engine-0.4.10" updaterversion="update_engine-0.4.10" installsource="scheduler" ismachine="1">
    <os version="Chateau" platform="CoreOS" sp="{version}_x86_64"></os>
    <app appid="{{{app_id}}}" version="{version}" track="{track}" bootid="{{{boot}}}" oem="qemu" oemversion="" alephversion="1.0.0" \
machineid="{machine}" machinealias="" lang="en-US" board="amd64-usr" hardware_class="" delta_okay="false" >
        <ping active="1"></ping>
    </app>
</request>
"""


def instance_id(number: int) -> str:
    """Of one of the fleet, counted from 0."""
    return f"{number:032x}"


def check(number: int) -> bytes:
    """Its update check."""
    return checking_fleet.core_os_check(OLD, TRACK, MACHINE.oem, instance_id(number))


def ping(number: int) -> bytes:
    """That it is there, without asking for an update."""
    boot = uuid.uuid4()
    return _PING.format(version=OLD, app_id=APP_ID, track=TRACK, boot=boot, machine=instance_id(number)).encode()


def fleet(count: int, now: datetime, *, in_flight: int = 0) -> fleet_rows.Fleet:
    """So many instances; the first of them have their update in flight."""
    return _fleet(count, now, in_flight)


def _fleet(count: int, now: datetime, in_flight: int) -> Iterator[tuple[InstanceRecord, Grant | None]]:
    for number in range(count):
        record = InstanceRecord(
            app_id=APP_ID,
            instance_id=instance_id(number),
            track=TRACK,
            version=OLD,
            first_seen=now - _KNOWN_FOR,
            last_seen=now - timedelta(seconds=number % 3600),
            attributes=MACHINE,
            boot_id=f"{{{uuid.UUID(int=number)}}}",
        )
        grant = None
        if number < in_flight:
            grant = Grant(
                APP_ID, TRACK, number + 1, SEQUENCE, NEW, record.instance_id, GrantState.DOWNLOADING, now, now,
                now + timedelta(hours=1),
            )  # fmt: skip
        yield record, grant


def resources(now: datetime, spec: dict[str, Any], rollout: dict[str, Any]) -> list[dict[str, Any]]:
    """An Application with one Group, whose rollout to NEW has begun; `spec` and `rollout` are what is particular about its spec and its
    status.rollout."""
    reference = {"applicationRef": {"name": "app"}}
    package = {**reference, "version": NEW, "url": "update.tgz", "size": 1_000_000, "sha256": _SHA256}
    status = {
        "target": {"version": NEW, "packages": [{"name": "package", "uid": "package", "sha256": _SHA256}]},
        "rollout": {
            "sequence": SEQUENCE, "version": NEW, "salt": "0" * 32, "startedTime": now.isoformat(), **rollout,
        },
    }  # fmt: skip
    return [
        checking_fleet.resource("Application", "app", {"appId": APP_ID}),
        checking_fleet.resource("Channel", "master", {**reference, "name": "master", "version": NEW}),
        checking_fleet.resource("Package", "package", package),
        checking_fleet.resource(
            "Group", TRACK, {**reference, "channelRef": {"name": "master"}, "track": TRACK, **spec}, status
        ),
    ]
