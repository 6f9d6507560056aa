"""Which object has this Omaha identity? Found by what is in the spec, whoever made the object and however it is named."""

from collections.abc import Mapping
from typing import Any

import typer

from update_kube.resources import APPLICATIONS, CHANNELS, GROUPS, PACKAGES, ResourceType
from updatectl import architectures
from updatectl.errors import CommandError
from updatectl.session import Session

Object = dict[str, Any]


def canonical_app_id(text: str) -> str:
    """The appId as resources have it. Raises typer.BadParameter for what cannot be one."""
    from update_core.omaha import identity  # 30 ms that help and completion do without

    app_id = identity.canonical_app_id(text)
    if app_id is None:
        raise typer.BadParameter(
            f"{text!r} is no application id: give a UUID or a reverse-DNS name such as com.example.app"
        )
    return app_id


async def find_application(session: Session, app_id: str) -> Object | None:
    """The Application with this canonical appId; None if there is none in the namespace."""
    return await _oldest(session, APPLICATIONS, {"spec.appId": app_id})


async def application(session: Session, app_id: str) -> Object:
    """The same; CommandError if there is none."""
    found = await find_application(session, app_id)
    if found is None:
        raise CommandError(
            f"there is no application {app_id} in namespace {session.namespace}. Create it with "
            f"`updatectl create-app {app_id} LABEL DESCRIPTION`, or name another namespace with -n."
        )
    return found


async def find_channel(session: Session, app: Object, name: str) -> Object | None:
    """The application's Channel with this channel name."""
    return await _oldest(session, CHANNELS, {"spec.applicationRef.name": app["metadata"]["name"], "spec.name": name})


async def channel(session: Session, app: Object, name: str) -> Object:
    """The same; CommandError if there is none."""
    return _required(await find_channel(session, app, name), app, "channel", name, "VERSION")


async def find_group(session: Session, app: Object, track: str) -> Object | None:
    """The application's Group with this track, which is the guide's group id."""
    return await _oldest(session, GROUPS, {"spec.applicationRef.name": app["metadata"]["name"], "spec.track": track})


async def find_group_named(session: Session, app: Object, name: str) -> Object | None:
    """The application's Group that is the object of this name."""
    return await _oldest(session, GROUPS, {"metadata.name": name, "spec.applicationRef.name": app["metadata"]["name"]})


async def group(session: Session, app: Object, track: str) -> Object:
    """The same; CommandError if there is none."""
    return _required(await find_group(session, app, track), app, "group", track, "--channel CHANNEL")


async def find_package(session: Session, app: Object, version: str, arch: str | None) -> Object | None:
    """The application's Package of this version, as it is written there, for an architecture; None: the only one that there is.

    Raises CommandError where `arch` is None and the version has packages for several.
    """
    fields = {"spec.applicationRef.name": app["metadata"]["name"], "spec.version": version}
    found = await session.find_all(PACKAGES, selector(fields))
    there = sorted({architectures.of(package) for package in found})
    if arch is None and len(there) > 1:
        raise CommandError(
            f"version {version} of application {app['spec']['appId']} has packages for {', '.join(there)}: "
            f"say which one with --arch, such as --arch {there[0]}"
        )
    return _oldest_of([package for package in found if arch in {None, architectures.of(package)}])


async def package(session: Session, app: Object, version: str, arch: str | None) -> Object:
    """The same; CommandError if there is none."""
    needs = f"--arch {arch} " if arch not in {None, architectures.ALL} else ""
    return _required(
        await find_package(session, app, version, arch),
        app,
        "package",
        version,
        f"{needs}--url URL --size N --sha256sum SUM",
    )


async def members(session: Session, resource: ResourceType, app: Object) -> list[Object]:
    """All objects of a kind that belong to the application."""
    return await session.find_all(resource, selector({"spec.applicationRef.name": app["metadata"]["name"]}))


async def channel_names(session: Session, app: Object) -> dict[str, str]:
    """What the application's Channels are called: object name → channel name."""
    return {obj["metadata"]["name"]: obj["spec"]["name"] for obj in await members(session, CHANNELS, app)}


async def _oldest(session: Session, resource: ResourceType, fields: dict[str, str]) -> Object | None:
    return _oldest_of(await session.find_all(resource, selector(fields)))


def _oldest_of(found: list[Object]) -> Object | None:
    # Identities are unique within an application: of several the oldest counts, as for the operator.
    return min(found, key=lambda o: (o["metadata"]["creationTimestamp"], o["metadata"]["name"]), default=None)


def selector(fields: Mapping[str, str]) -> str:
    """A field selector for objects that have all these values, whatever characters are in them."""
    escapes = str.maketrans({"\\": "\\\\", ",": "\\,", "=": "\\="})
    return ",".join(f"{field}={value.translate(escapes)}" for field, value in fields.items())


def _required(found: Object | None, app: Object, noun: str, identity_: str, needs: str) -> Object:
    if found is not None:
        return found
    app_id = app["spec"]["appId"]
    raise CommandError(
        f"application {app_id} has no {noun} {identity_}. `updatectl {noun} list {app_id}` shows those that there are, "
        f"`updatectl {noun} create {app_id} {identity_} {needs}` makes one."
    )
