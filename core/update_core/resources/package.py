"""Package: one version of an application's payload. Where it is and what its bytes are never changes."""

from typing import Annotated, ClassVar

from pydantic import Field

from update_core.resources.base import ApplicationRef, Condition, DisplayName, Model, Resource

PackageVersion = Annotated[
    str,
    Field(
        min_length=1,
        max_length=128,
        pattern=r"^[0-9]+(\.[0-9]+){0,3}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$",
        description="Semantic version, or one to four integers separated by dots.",
    ),
]
MAX_SAFE_INTEGER = 2**53 - 1


class PackageSpec(Model):
    """What people want of a Package."""

    application_ref: ApplicationRef = Field(
        description="The Application that this is a version of. It can't be changed."
    )
    version: PackageVersion
    display_name: DisplayName | None = Field(default=None, description="A name for people, shown in lists.")
    url: str = Field(
        min_length=1,
        max_length=2048,
        description="Where instances fetch the payload: an absolute http or https URL, a path relative to the Application's "
        "packageBaseURL, or an image reference such as index.example.com/webapp:1.2.1, handed out exactly as written.",
    )
    size: int = Field(ge=1, le=MAX_SAFE_INTEGER, description="Size of the payload in bytes.")
    sha256: str = Field(
        pattern=r"^[0-9a-f]{64}$",
        min_length=64,
        max_length=64,
        description="SHA-256 of the payload, 64 lower-case hexadecimal digits.",
    )
    sha1: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{40}$",
        min_length=40,
        max_length=40,
        description="SHA-1 of the payload, 40 lower-case hexadecimal digits, for older clients.",
    )
    signature: str | None = Field(
        default=None,
        max_length=4096,
        description="Base64 RSA signature of the payload's metadata, handed to the client (MetadataSignatureRsa).",
    )
    metadata_size: int | None = Field(
        default=None,
        ge=0,
        le=MAX_SAFE_INTEGER,
        description="Size of the payload's metadata in bytes, handed to the client (MetadataSize).",
    )


class PackageStatus(Model):
    """What the operator found."""

    observed_generation: int = Field(
        default=-1, ge=-1, description="The metadata.generation that this status was computed from."
    )
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=16,
        description="Ready: the Application exists and no older Package has the same version.",
    )


class Package(Resource):
    """One version of an application's payload: where it is, and how to check that it arrived whole."""

    kind: ClassVar[str] = "Package"
    plural: ClassVar[str] = "packages"

    spec: PackageSpec
    status: PackageStatus = PackageStatus()
