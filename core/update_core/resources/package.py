"""Package: one version of an application's payload, for one architecture or for all. Where it is and what its bytes are never changes."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from update_core.architectures import Architecture
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


Mirror = Annotated[
    str,
    Field(min_length=8, max_length=2048, description="An absolute http or https URL of a folder; it ends in /."),
]


class ExtraFile(Model):
    """A file that belongs to the version and lies beside the payload."""

    name: str = Field(
        min_length=1, max_length=255, description="Its plain file name, in the folder that the payload is in."
    )
    size: int = Field(ge=1, le=MAX_SAFE_INTEGER, description="Its size in bytes.")
    sha256: str = Field(
        pattern=r"^[0-9a-f]{64}$",
        min_length=64,
        max_length=64,
        description="Its SHA-256 in 64 lower-case hexadecimal digits, as sha256sum prints it.",
    )
    sha1: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{40}$",
        min_length=40,
        max_length=40,
        description="Its SHA-1 in 40 lower-case hexadecimal digits, for clients that check it.",
    )


class Action(Model):
    """A program of the version that clients start."""

    event: Literal["preinstall", "install", "update"] = Field(
        description="When it is started: before the installation, as the installation, or as that of an update."
    )
    run: str = Field(
        min_length=1,
        max_length=1024,
        description="The program: the payload's name, that of an extra file, or of what the payload unpacks to.",
    )
    arguments: str = Field(default="", max_length=4096, description="What it is started with.")


class PostInstall(Model):
    """What clients of the CoreOS line are told beside the payload's digest."""

    needs_admin: bool = Field(
        default=False, description="Whether the installation needs administrator's rights (needsadmin)."
    )
    deadline: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="A text that the machine is told; now means that it shouldn't wait for a quiet hour.",
    )
    prompt: bool = Field(default=False, description="Whether the machine's user is asked before the update.")
    more_info: str | None = Field(
        default=None,
        min_length=1,
        max_length=2048,
        description="Where people read about the version (MoreInfo), a URL.",
    )
    display_version: str | None = Field(
        default=None, min_length=1, max_length=128, description="What people are shown as the version (DisplayVersion)."
    )
    max_failure_count_per_url: int | None = Field(
        default=None,
        alias="maxFailureCountPerURL",
        ge=1,
        le=1000,
        description="After how many failures a client goes on to the next URL (MaxFailureCountPerUrl). Absent: its own 10.",
    )
    disable_payload_backoff: bool = Field(
        default=True,
        description="Whether a client may try again at its next check after a failed download (DisablePayloadBackoff). Otherwise "
        "update_engine waits for 1, 2, 4 or more days first, whatever the Group's limits say.",
    )


class PackageSpec(Model):
    """What people want of this Package."""

    application_ref: ApplicationRef = Field(
        description="The Application that this is a version of, in the same namespace. It can't be changed."
    )
    version: PackageVersion = Field(
        description="The version: a semantic version such as 1.2.3-beta.1, or one to four integers separated by dots. Unique within "
        "the application and arch: of two Packages with one version and arch the older has it. It can't be changed."
    )
    arch: Architecture | None = Field(
        default=None,
        description="The only architecture that the payload is for, by Debian's name for it. Instances of another get another Package of "
        "the version, or none. Absent: for every architecture that has no Package of its own. It can't be changed.",
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
    mirrors: list[Mirror] = Field(
        default_factory=list,
        max_length=8,
        description="Folders elsewhere that hold the same files under the same names. Instances try them in this order after that of url. "
        "It may be changed at any time, since digests say what the files are. Not with an image reference, which has no folder.",
    )
    extra_files: list[ExtraFile] = Field(
        default_factory=list,
        max_length=32,
        description="More files of the version, in the payload's folder and in mirrors; instances that know of them fetch them too. "
        "Not with an image reference, which has no folder. It can't be changed.",
    )
    actions: list[Action] = Field(
        default_factory=list,
        max_length=8,
        description="What Omaha 3, Chromium and their relatives start of the version. JSON has room for the first install "
        "and the first update; the CoreOS line starts nothing. It can't be changed.",
    )
    postinstall: PostInstall | None = Field(
        default=None,
        description="What clients of the CoreOS line are told beside the payload's digest. It may be changed at any time: it is about how "
        "they go about the update, not about what its bytes are.",
    )


class PackageStatus(Status):
    """What the operator found; nobody else writes it."""

    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=16,
        description="Ready: the Application exists and no older Package has the same version and arch.",
    )


class Package(Resource):
    """One version of an application's payload: where it is, and how to check that it arrived whole."""

    kind: ClassVar[str] = "Package"
    plural: ClassVar[str] = "packages"

    spec: PackageSpec
    status: PackageStatus = PackageStatus()
