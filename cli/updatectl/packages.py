"""Packages: one version's payload each: where it is, and how instances check that it arrived whole."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from update_kube.resources import PACKAGES
from updatectl import digests, lookup, naming, output
from updatectl.commands import AppId, Call, noun, reading, writing
from updatectl.errors import CommandError
from updatectl.session import Changes, Mode, Object, Session, Target

app = noun("Packages: the payload of each version.")

COLUMNS = (
    output.Column("Version", lambda o: o["spec"]["version"]),
    output.Column("URL", lambda o: o["spec"]["url"]),
    output.Column("Size", lambda o: o["spec"]["size"]),
    output.Column("Label", lambda o: o["spec"].get("displayName"), wide=True),
    output.Column("Name", lambda o: o["metadata"]["name"], wide=True),
    output.Column("SHA256", lambda o: o["spec"]["sha256"], wide=True),
    output.Column("Ready", lambda o: output.condition(o, "Ready"), wide=True),
)

Version = Annotated[str, typer.Argument(metavar="VERSION", help="Semantic version, or 1 to 4 dotted integers.")]
Label = Annotated[str | None, typer.Option("--name", "--label", help="A name for people.")]
Url = Annotated[str | None, typer.Option("--url", help="Absolute URL, or an image reference with tag or digest.")]
PathOption = Annotated[str | None, typer.Option("--path", help="Path below the application's package base URL.")]
File = Annotated[
    Path | None,
    typer.Option("--file", exists=True, dir_okay=False, help="The payload itself: size and digests are taken from it."),
]
Size = Annotated[int | None, typer.Option("--size", min=1, help="Size in bytes.")]
Sha1 = Annotated[str | None, typer.Option("--sha1sum", "--sha1", help="SHA-1, hex or base64.")]
Sha256 = Annotated[str | None, typer.Option("--sha256sum", "--sha256", help="SHA-256, hex or base64.")]
Signature = Annotated[str | None, typer.Option("--signature", help="Signature of the metadata, base64.")]
MetadataSize = Annotated[int | None, typer.Option("--metadata-size", min=0, help="Size of the metadata in bytes.")]

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Payload:
    """The options that describe a payload, as given."""

    name: str | None = None
    url: str | None = None
    path: str | None = None
    file: Path | None = None
    size: int | None = None
    sha1sum: str | None = None
    sha256sum: str | None = None
    signature: str | None = None
    metadata_size: int | None = None

    def fields(self) -> Changes:
        """The spec's fields. Raises typer.BadParameter for what is missing or can't be."""
        if (self.url is None) == (self.path is None):
            raise typer.BadParameter("give either --url, or --path relative to the application's package base URL")
        measured = _measure(self.file) if self.file else {}
        size = self.size or measured.get("size")
        sha256 = _digest("--sha256sum", self.sha256sum, digests.SHA256_BYTES) or measured.get("sha256")
        sha1 = _digest("--sha1sum", self.sha1sum, digests.SHA1_BYTES) or measured.get("sha1")
        if size is None or sha256 is None:
            raise typer.BadParameter("give --size and --sha256sum, or --file to take them from the payload")
        for option, given, found in (
            ("--size", size, "size"),
            ("--sha256sum", sha256, "sha256"),
            ("--sha1sum", sha1, "sha1"),
        ):
            if found in measured and measured[found] != given:
                raise typer.BadParameter(f"{self.file} has {measured[found]}, not {given}", param_hint=option)
        optional = {
            "displayName": self.name,
            "sha1": sha1,
            "signature": _signature(self.signature),
            "metadataSize": self.metadata_size,
        }
        required = {"url": self.url or self.path, "size": size, "sha256": sha256}
        return required | {field: value for field, value in optional.items() if value not in {None, ""}}


async def list_of(session: Session, app_id: str) -> list[Object]:
    """The application's packages, oldest version first."""
    from update_core import versions  # only needed here

    found = await lookup.members(session, PACKAGES, await lookup.application(session, app_id))
    return sorted(
        found, key=lambda o: (versions.parse_or_none(o["spec"]["version"]) or versions.parse("0"), o["spec"]["version"])
    )


async def write(session: Session, app_id: str, version: str, changes: Changes, mode: Mode) -> Object:
    """Create a package, or change what may be changed of one."""
    application = await lookup.application(session, app_id)
    reference = application["metadata"]["name"]
    target = Target(
        resource=PACKAGES,
        name=naming.member(reference, version),
        find=lambda: lookup.find_package(session, application, version),
        noun="package",
        handle=f"{app_id} {version}",
    )
    return await session.write(target, {"applicationRef": {"name": reference}, "version": version, **changes}, mode)


async def remove(session: Session, app_id: str, version: str) -> Object:
    """Delete a package."""
    found = await lookup.package(session, await lookup.application(session, app_id), version)
    await session.delete(PACKAGES, found)
    return found


@reading(app, "list", "updatectl package list e96281a6-d1af-4bde-9a0a-97b76e56dc57 -o wide")
def list_(call: Call, app_id: AppId) -> None:
    """List an application's packages."""
    app_id = lookup.canonical_app_id(app_id)
    output.show_list(call.run(lambda session: list_of(session, app_id)), COLUMNS, call.form)


@reading(app, "get", "updatectl package get e96281a6-d1af-4bde-9a0a-97b76e56dc57 1.1.0 -o yaml")
def get(call: Call, app_id: AppId, version: Version) -> None:
    """Show one package."""
    app_id = lookup.canonical_app_id(app_id)

    async def work(session: Session) -> Object:
        return await lookup.package(session, await lookup.application(session, app_id), version)

    output.show(call.run(work), COLUMNS, call.form, header=True)


@writing(
    app,
    "create",
    "updatectl package create e96281a6-d1af-4bde-9a0a-97b76e56dc57 1.1.0 --path update.gz --file ./update.gz",
    "updatectl package create com.example.web 1.2.1 --url index.example.com/webapp:1.2.1 --size 4096 --sha256sum $SUM",
)
def create(
    call: Call,
    app_id: AppId,
    version: Version,
    name: Label = None,
    url: Url = None,
    path: PathOption = None,
    file: File = None,
    size: Size = None,
    sha1sum: Sha1 = None,
    sha256sum: Sha256 = None,
    signature: Signature = None,
    metadata_size: MetadataSize = None,
) -> None:
    """Create a package. What describes its payload can't be changed later."""
    payload = Payload(name, url, path, file, size, sha1sum, sha256sum, signature, metadata_size)
    put(call, app_id, version, payload, Mode.CREATE, header=True)


@writing(app, "update", 'updatectl package update e96281a6-d1af-4bde-9a0a-97b76e56dc57 1.1.0 --name "Spring release"')
def update(
    call: Call,
    app_id: AppId,
    version: Version,
    name: Annotated[str, typer.Option("--name", "--label", help="A name for people; an empty one is removed.")],
) -> None:
    """Change a package's name, which is all that may be changed: for other bytes make another version."""
    app_id = lookup.canonical_app_id(app_id)
    changes = {"displayName": name or None}
    written = call.run(lambda session: write(session, app_id, version, changes, Mode.UPDATE))
    call.show_written(written, COLUMNS, header=True)


@writing(app, "delete", "updatectl package delete e96281a6-d1af-4bde-9a0a-97b76e56dc57 1.1.0")
def delete(call: Call, app_id: AppId, version: Version) -> None:
    """Delete a package. It is offered to nobody any more."""
    app_id = lookup.canonical_app_id(app_id)
    deleted = call.run(lambda session: remove(session, app_id, version))
    call.show_deleted(deleted, f"deleted package: {version}, for application: {app_id}")


def put(call: Call, app_id: str, version: str, payload: Payload, mode: Mode, *, header: bool) -> None:
    """Create a package (or, as the guide's command, find it as described) and show it."""
    app_id = lookup.canonical_app_id(app_id)
    changes = payload.fields()
    written = call.run(lambda session: write(session, app_id, version, changes, mode))
    call.show_written(written, COLUMNS, header=header)


def _digest(option: str, text: str | None, size: int) -> str | None:
    if text is None:
        return None
    try:
        return digests.to_hex(text, size)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def _signature(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise typer.BadParameter(f"not base64: {error}", param_hint="--signature") from error
    return text


def _measure(file: Path) -> dict[str, int | str]:
    sha256, sha1, size = hashlib.sha256(), hashlib.sha1(usedforsecurity=False), 0
    try:
        with file.open("rb") as content:
            while chunk := content.read(_CHUNK_BYTES):
                sha256.update(chunk)
                sha1.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from error
    return {"size": size, "sha256": sha256.hexdigest(), "sha1": sha1.hexdigest()}
