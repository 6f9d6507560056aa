"""Packages: one version's payload each, for one architecture or all: where it is, and how instances check that it arrived whole."""

from collections.abc import Sequence
from typing import Annotated

import typer

from update_kube.resources import PACKAGES
from updatectl import architectures, lookup, naming, output, payloads
from updatectl.architectures import Arch
from updatectl.commands import AppId, Call, noun, reading, writing
from updatectl.session import Changes, Mode, Object, Session, Target

app = noun("Packages: the payload of each version.")


def columns(packages: Sequence[Object]) -> tuple[output.Column, ...]:
    """The columns of a table of these: as the original's, and the architecture where one of them has any."""
    return (
        output.Column("Version", lambda o: o["spec"]["version"]),
        output.Column("URL", lambda o: o["spec"]["url"]),
        output.Column("Size", lambda o: o["spec"]["size"]),
        output.Column("Arch", architectures.of, wide=not any("arch" in o["spec"] for o in packages)),
        output.Column("Label", lambda o: o["spec"].get("displayName"), wide=True),
        output.Column("Name", lambda o: o["metadata"]["name"], wide=True),
        output.Column("SHA256", lambda o: o["spec"]["sha256"], wide=True),
        output.Column("Ready", lambda o: output.condition(o, "Ready"), wide=True),
    )


Version = Annotated[str, typer.Argument(metavar="VERSION", help="Semantic version, or 1 to 4 dotted integers.")]
Label = Annotated[str | None, typer.Option("--name", "--label", help="A name for people.")]


async def list_of(session: Session, app_id: str) -> list[Object]:
    """The application's packages, oldest version first."""
    from update_core import versions  # only needed here

    def order(package: Object) -> tuple[versions.Version, str, str]:
        version = package["spec"]["version"]
        return versions.parse_or_none(version) or versions.parse("0"), version, architectures.of(package)

    found = await lookup.members(session, PACKAGES, await lookup.application(session, app_id))
    return sorted(found, key=order)


async def write(session: Session, app_id: str, version: str, arch: str | None, changes: Changes, mode: Mode) -> Object:
    """Create a package for an architecture, or change what may be changed of one (None: of the only one of the version)."""
    application = await lookup.application(session, app_id)
    reference = application["metadata"]["name"]
    one = "" if arch in {None, architectures.ALL} else str(arch)
    target = Target(
        resource=PACKAGES,
        name=naming.package(reference, version, one),
        find=lambda: lookup.find_package(session, application, version, arch),
        noun="package",
        handle=f"{app_id} {version}" + (f" --arch {one}" if one else ""),
    )
    return await session.write(target, {"applicationRef": {"name": reference}, "version": version, **changes}, mode)


async def remove(session: Session, app_id: str, version: str, arch: str | None) -> Object:
    """Delete a package; without `arch` the only one of the version."""
    found = await lookup.package(session, await lookup.application(session, app_id), version, arch)
    await session.delete(PACKAGES, found)
    return found


@reading(app, "list", "updatectl package list e96281a6-d1af-4bde-9a0a-97b76e56dc57 -o wide")
def list_(call: Call, app_id: AppId) -> None:
    """List an application's packages."""
    app_id = lookup.canonical_app_id(app_id)
    found = call.run(lambda session: list_of(session, app_id))
    output.show_list(found, columns(found), call.form)


@reading(
    app,
    "get",
    "updatectl package get e96281a6-d1af-4bde-9a0a-97b76e56dc57 1.1.0 -o yaml",
    "updatectl package get com.example.web 1.1.0 --arch arm64",
)
def get(call: Call, app_id: AppId, version: Version, arch: Arch = None) -> None:
    """Show one package. Where the version has several, --arch says which."""
    app_id, arch = lookup.canonical_app_id(app_id), architectures.canonical(arch)

    async def work(session: Session) -> Object:
        return await lookup.package(session, await lookup.application(session, app_id), version, arch)

    found = call.run(work)
    output.show(found, columns([found]), call.form, header=True)


@writing(
    app,
    "create",
    "updatectl package create e96281a6-d1af-4bde-9a0a-97b76e56dc57 1.1.0 --path update.gz --file ./update.gz",
    "updatectl package create com.example.web 1.2.1 --url index.example.com/webapp:1.2.1 --size 4096 --sha256sum $SUM",
    "updatectl package create com.example.os 1.1.0 --arch arm64 --path 1.1.0/arm64.gz --file ./arm64.gz \\",
    "    --mirror https://mirror.example.com/os/1.1.0/ --extra-file ./oem-ami.gz",
)
def create(
    call: Call,
    app_id: AppId,
    version: Version,
    name: Label = None,
    url: payloads.Url = None,
    path: payloads.PathOption = None,
    file: payloads.File = None,
    size: payloads.Size = None,
    sha1sum: payloads.Sha1 = None,
    sha256sum: payloads.Sha256 = None,
    signature: payloads.Signature = None,
    metadata_size: payloads.MetadataSize = None,
    arch: Arch = None,
    mirror: payloads.Mirrors = None,
    extra_file: payloads.ExtraFiles = None,
) -> None:
    """Create a package. What describes its payload can't be changed later, but for the mirrors."""
    payload = payloads.Payload(
        name,
        url,
        path,
        file,
        size,
        sha1sum,
        sha256sum,
        signature,
        metadata_size,
        arch=architectures.canonical(arch) or architectures.ALL,
        mirrors=tuple(mirror or ()),
        extra_files=tuple(extra_file or ()),
    )
    put(call, app_id, version, payload, Mode.CREATE, header=True)


@writing(
    app,
    "update",
    'updatectl package update e96281a6-d1af-4bde-9a0a-97b76e56dc57 1.1.0 --name "Spring release"',
    "updatectl package update com.example.os 1.1.0 --arch arm64 --mirror https://mirror.example.com/os/1.1.0/",
)
def update(
    call: Call,
    app_id: AppId,
    version: Version,
    name: Annotated[
        str | None, typer.Option("--name", "--label", help="A name for people; an empty one is removed.")
    ] = None,
    mirror: payloads.Mirrors = None,
    arch: Arch = None,
) -> None:
    """Change a package's name or mirrors: for other bytes make another version. The mirrors given replace those that were; "": none."""
    app_id, arch = lookup.canonical_app_id(app_id), architectures.canonical(arch)
    changes: dict[str, object] = {} if name is None else {"displayName": name or None}
    if mirror:
        changes["mirrors"] = payloads.mirrors(tuple(mirror)) or None
    if not changes:
        raise typer.BadParameter("nothing to change: give --name or --mirror")
    written = call.run(lambda session: write(session, app_id, version, arch, changes, Mode.UPDATE))
    call.show_written(written, columns([written]), header=True)


@writing(
    app,
    "delete",
    "updatectl package delete e96281a6-d1af-4bde-9a0a-97b76e56dc57 1.1.0",
    "updatectl package delete com.example.os 1.1.0 --arch arm64",
)
def delete(call: Call, app_id: AppId, version: Version, arch: Arch = None) -> None:
    """Delete a package. It is offered to nobody any more."""
    app_id, arch = lookup.canonical_app_id(app_id), architectures.canonical(arch)
    deleted = call.run(lambda session: remove(session, app_id, version, arch))
    only = f" ({architectures.of(deleted)})" if "arch" in deleted["spec"] else ""
    call.show_deleted(deleted, f"deleted package: {version}{only}, for application: {app_id}")


def put(call: Call, app_id: str, version: str, payload: payloads.Payload, mode: Mode, *, header: bool) -> None:
    """Create a package (or, as the guide's command, find it as described) and show it."""
    app_id = lookup.canonical_app_id(app_id)
    changes = payload.fields()
    written = call.run(lambda session: write(session, app_id, version, payload.arch, changes, mode))
    call.show_written(written, columns([written]), header=header)
