"""What describes a payload on the command line → the fields of a Package's spec that say what its bytes are and where.

Sizes and digests are typed, or measured from the file itself, which is not uploaded.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from updatectl import architectures, digests
from updatectl.errors import CommandError
from updatectl.session import Changes

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
Mirrors = Annotated[
    list[str] | None,
    typer.Option(
        "--mirror", help="URL of a folder elsewhere with the same files; may be given several times, in order."
    ),
]
ExtraFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--extra-file",
        metavar="FILE|NAME:SIZE:SHA256",
        help="A file beside the payload; may be given several times. Of a FILE the size and digests are measured.",
    ),
]

_CHUNK_BYTES = 1 << 20
_DESCRIBED = re.compile(r"([^:/\\]+):([1-9][0-9]*):(.+)")


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
    arch: str = architectures.ALL
    mirrors: tuple[str, ...] = ()
    extra_files: tuple[str, ...] = ()

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
        optional: dict[str, Any] = {
            "displayName": self.name,
            "sha1": sha1,
            "signature": _signature(self.signature),
            "arch": architectures.field(self.arch),
            "mirrors": mirrors(self.mirrors),
            "extraFiles": [_extra_file(text) for text in self.extra_files],
        }
        required = {"url": self.url or self.path, "size": size, "sha256": sha256}
        metadata = {} if self.metadata_size is None else {"metadataSize": self.metadata_size}
        return required | metadata | {field: value for field, value in optional.items() if value}


def mirrors(given: tuple[str, ...]) -> list[str]:
    """The mirrors in their order; an empty text among them is none."""
    return [url for url in given if url]


def _extra_file(text: str) -> dict[str, Any]:
    described = _DESCRIBED.fullmatch(text)
    if described:
        name, size, sha256 = described.groups()
        return {"name": name, "size": int(size), "sha256": _digest("--extra-file", sha256, digests.SHA256_BYTES)}
    file = Path(text)
    if not file.is_file():
        raise typer.BadParameter(
            f"{text!r} is neither a file that is there nor NAME:SIZE:SHA256", param_hint="--extra-file"
        )
    return {"name": file.name, **_measure(file)}


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
