"""Application: what is updated. It owns the Omaha appId that its instances send."""

from typing import Annotated, ClassVar

from pydantic import Field

from update_core.resources.base import (
    Condition,
    DisplayName,
    GroupRef,
    Model,
    PollIntervalSeconds,
    Resource,
    RetryAfterSeconds,
    Status,
)

AppId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=255,
        pattern=r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$",
        description="The Omaha appid that instances send: a UUID or a reverse-DNS name, in lower case and without braces. "
        "It belongs to one namespace of the cluster. It can't be changed.",
    ),
]


class ApplicationSpec(Model):
    """What people want of this Application."""

    app_id: AppId
    display_name: DisplayName | None = Field(default=None, description="A name for people.")
    description: str | None = Field(
        default=None, max_length=4096, description="What the application is, in a few words for people."
    )
    package_base_url: str | None = Field(
        default=None,
        alias="packageBaseURL",
        min_length=8,
        max_length=2048,
        description="The absolute http or https URL, ending in /, that Packages with a relative url are fetched from. Absent: "
        "the package base URL that the Omaha service is configured with.",
    )
    default_group_ref: GroupRef | None = Field(
        default=None,
        description="The Group for instances whose track names no Group: where they name the channel that this Group "
        "follows, or nothing that is known.",
    )
    poll_interval_seconds: PollIntervalSeconds | None = Field(
        default=None,
        description="After how many seconds instances are told to check again, as PollInterval; a Group may say another. Clients of "
        "the CoreOS line follow it, and update_engine keeps to 2700 to 14400 whatever it is told. Absent: they keep their own interval.",
    )
    retry_after_seconds: RetryAfterSeconds | None = Field(
        default=None,
        description="For how many seconds instances are told to leave the service alone, as X-Retry-After; a Group may say "
        "another. Chromium follows it over https only, Fuchsia always. Absent: nothing is said.",
    )
    instance_retention_seconds: int | None = Field(
        default=None,
        ge=86400,
        le=2**31 - 1,
        description="For how many seconds an instance is kept that isn't heard any more; then it is removed from the fleet, with its "
        "history. One whose update is in flight is kept. Absent: for good.",
    )


class ApplicationStatus(Status):
    """What the operator found; nobody else writes it."""

    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=16,
        description="Ready: the spec is accepted and the appId is this namespace's.",
    )


class Application(Resource):
    """An application whose instances are updated by this service; it owns one Omaha appId."""

    kind: ClassVar[str] = "Application"
    plural: ClassVar[str] = "applications"

    spec: ApplicationSpec
    status: ApplicationStatus = ApplicationStatus()
