"""Resources and requests for tests of the Omaha service: one application, its group stamped as the operator would."""

import copy
import uuid
from collections.abc import Sequence
from typing import Any

APP_ID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
"""The application of tests that have the service for themselves."""

SHA256 = "b602d630f0a081840d0ca8fc4d35810e42806642b3127bb702d65c3df227d0f5"
OTHER_SHA256 = "00" * 32

STARTED = "2026-03-01T12:00:00Z"
"""When rollouts begin: the instant at which a test's clock starts. An old one would tell a new store that it was lost."""

Object = dict[str, Any]


def resource(kind: str, name: str, spec: Object, *, namespace: str = "default", uid: str | None = None) -> Object:
    """An object as the API server would send it."""
    return {
        "apiVersion": "updateservice.dev/v1alpha1",
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid or str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}/{namespace}/{name}")),
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": spec,
    }


def application(app_id: str, *, name: str = "app", **spec: Any) -> Object:
    """An Application."""
    return resource("Application", name, {"appId": app_id, **spec})


def channel(
    version: str, *, name: str = "app-master", channel_name: str = "master", app: str = "app", **spec: Any
) -> Object:
    """A Channel."""
    return resource(
        "Channel", name, {"applicationRef": {"name": app}, "name": channel_name, "version": version, **spec}
    )


def package(version: str, *, app: str = "app", sha256: str = SHA256, **spec: Any) -> Object:
    """A Package with the guide's payload."""
    body = {
        "applicationRef": {"name": app},
        "version": version,
        "url": "update.gz",
        "size": 23,
        "sha256": sha256,
        **spec,
    }
    # A plus sign can be in a version, not in a name.
    return resource("Package", f"{app}-{version.replace('+', '.')}", body)


def group(
    *, name: str = "app-fake1", track: str = "fake1", app: str = "app", channel: str = "app-master", **spec: Any
) -> Object:
    """A Group, without status."""
    return resource(
        "Group", name, {"applicationRef": {"name": app}, "channelRef": {"name": channel}, "track": track, **spec}
    )


def status(
    of_package: Object,
    *,
    sequence: int = 1,
    salt: str = "5a17",
    started: str = STARTED,
    floors: Sequence[Object] = (),
    course: Object | None = None,
) -> Object:
    """What the operator stamps for a rollout to this Package, by way of the Packages that are floors; `course`: how far it is."""
    version = of_package["spec"]["version"]
    steps = [_exact(floor) | {"version": floor["spec"]["version"]} for floor in floors]
    target = {"version": version, "packages": [_exact(of_package), *steps]}
    return {
        "observedGeneration": 1,
        "target": target | {"floorVersions": [step["version"] for step in steps]},
        "rollout": {"sequence": sequence, "version": version, "salt": salt, "startedTime": started} | (course or {}),
    }


def _exact(of_package: Object) -> Object:
    return {
        "name": of_package["metadata"]["name"],
        "uid": of_package["metadata"]["uid"],
        "sha256": of_package["spec"]["sha256"],
    }


def stamped(
    of_group: Object,
    of_package: Object,
    *,
    sequence: int = 1,
    floors: Sequence[Object] = (),
    course: Object | None = None,
) -> Object:
    """The Group with a rollout to the Package in its status."""
    return copy.deepcopy(of_group) | {"status": status(of_package, sequence=sequence, floors=floors, course=course)}


def wave(name: str, *, percent: int | None = None, instances: int | None = None, **more: Any) -> Object:
    """An open wave, as the operator stamps it."""
    share = {"cap": instances} if instances is not None else {"threshold": (percent or 0) * 10_000}
    return {"name": name, "openedTime": STARTED, **share, **more}


def fleet(
    app_id: str, *, version: str = "1.1.0", sequence: int = 1, course: Object | None = None, **group_spec: Any
) -> list[Object]:
    """An application with a channel at `version`, its package, and a group that is stamped with it; `course`: how far its rollout is."""
    payload = package(version)
    moving = stamped(group(**group_spec), payload, sequence=sequence, course=course)
    return [application(app_id), channel(version), payload, moving]


def check(
    app_id: str,
    machine: str = "{fake-client-000}",
    version: str = "1.0.0",
    *,
    track: str = "fake1",
    boot: str = "{b007}",
    inner: str = '<ping active="1"/><updatecheck/><event eventtype="3" eventresult="2"/>',
) -> bytes:
    """A request of one application, by default what update_engine and the fake client send on every check."""
    return (
        '<request protocol="3.0" version="t" installsource="scheduler">'
        f'<app appid="{app_id}" version="{version}" track="{track}" bootid="{boot}" machineid="{machine}">{inner}</app>'
        "</request>"
    ).encode()


def event(
    app_id: str,
    machine: str,
    eventtype: int,
    eventresult: int = 1,
    *,
    version: str = "1.0.0",
    track: str = "fake1",
    boot: str = "{b007}",
) -> bytes:
    """A request that carries one event and nothing else."""
    inner = f'<event eventtype="{eventtype}" eventresult="{eventresult}"/>'
    return check(app_id, machine, version, track=track, boot=boot, inner=inner)
