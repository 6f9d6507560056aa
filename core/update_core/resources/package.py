"""Package: one version of an application's payload. Where it is and what its bytes are never changes."""

from typing import Annotated, ClassVar

from pydantic import Field

from update_core.resources.base import MAX_SAFE_INTEGER, ApplicationRef, Condition, DisplayName, Model, Resource, Status

PackageVersion = Annotated[
    str,
    Field(
        min_length=1,
        max_length=128,
        pattern=r"^[0-9]+(\.[0-9]+){0,3}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$",
        description="A semantic version such as 1.2.3-beta.1, or one to four integers separated by dots.",
    ),
]


class PackageSpec(Model):
    """What people want of this Package."""

    application_ref: ApplicationRef = Field(
        description="The Application that this is a version of, in the same namespace. It can't be changed."
    )
    version: PackageVersion = Field(
        description="The version: a semantic version such as 1.2.3-beta.1, or one to four integers separated by dots. Unique within "
        "the application: of two Packages with one version the older has it. It can't be changed."
    )
    display_name: DisplayName | None = Field(default=None, description="A name for people.")
    url: str = Field(
        min_length=1,
        max_length=2048,
        description="Where instances fetch the payload: an absolute http or https URL; a path below the Application's "
        "packageBaseURL; or an image reference with a tag or digest, such as index.example.com/webapp:1.2.1, which instances "
        "get exactly as written. It can't be changed.",
    )
    size: int = Field(ge=1, le=MAX_SAFE_INTEGER, description="Size of the payload in bytes. It can't be changed.")
    sha256: str = Field(
        pattern=r"^[0-9a-f]{64}$",
        min_length=64,
        max_length=64,
        description="SHA-256 of the payload in 64 lower-case hexadecimal digits, as sha256sum prints it. It can't be changed.",
    )
    sha1: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{40}$",
        min_length=40,
        max_length=40,
        description="SHA-1 of the payload in 40 lower-case hexadecimal digits, for clients that check it. It can't be changed.",
    )
    signature: str | None = Field(
        default=None,
        max_length=4096,
        description="RSA signature of the payload's metadata in base64. Instances get it as MetadataSignatureRsa and check it. "
        "It can't be changed.",
    )
    metadata_size: int | None = Field(
        default=None,
        ge=0,
        le=MAX_SAFE_INTEGER,
        description="Size of the payload's metadata in bytes. Instances get it as MetadataSize. It can't be changed.",
    )


class PackageStatus(Status):
    """What the operator found; nobody else writes it."""

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
