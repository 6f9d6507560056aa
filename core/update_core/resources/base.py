"""What all four kinds share: metadata, references, conditions, and how an object is parsed at the edge.

Models are frozen, and are the one source of the CRDs' schemas: each field's bounds and description here are what the API server
enforces and `kubectl explain` prints. Unknown fields are dropped when parsing, so that an older component reads a newer object.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "updateservice.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
"""A Kubernetes object's metadata.name (RFC 1123 subdomain)."""

MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly; CRD bounds must be given, and nothing here comes near."""

DisplayName = Annotated[str, Field(min_length=1, max_length=256)]

PollIntervalSeconds = Annotated[int, Field(ge=60, le=86400)]
"""An Application's, or a Group's own. Below a minute a fleet would do little else than check."""

RetryAfterSeconds = Annotated[int, Field(ge=1, le=86400)]
"""An Application's, or a Group's own. Clients cap what they are told at a day."""


class Model(BaseModel):
    """A frozen value with Kubernetes' camelCase names on the wire."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")

    def to_wire(self) -> dict[str, Any]:
        """The JSON form: camelCase names, absent fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class ObjectMeta(Model):
    """The parts of metadata that decisions need."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None


class ApplicationRef(Model):
    """Names an Application in the same namespace."""

    name: ObjectName = Field(description="metadata.name of an Application in the same namespace.")


class ChannelRef(Model):
    """Names a Channel in the same namespace."""

    name: ObjectName = Field(description="metadata.name of a Channel in the same namespace.")


class GroupRef(Model):
    """Names a Group in the same namespace."""

    name: ObjectName = Field(description="metadata.name of a Group in the same namespace.")


class Condition(Model):
    """One aspect of the object's state, in the form of every Kubernetes condition."""

    type: str = Field(max_length=316, description="What the condition is about, in CamelCase.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether the condition holds.")
    observed_generation: int = Field(
        default=0,
        ge=0,
        le=MAX_SAFE_INTEGER,
        description="The metadata.generation that the condition was computed from.",
    )
    last_transition_time: datetime = Field(description="When status last changed from one value to another.")
    reason: str = Field(
        min_length=1, max_length=1024, description="One CamelCase word for why; the Event about it has the same."
    )
    message: str = Field(default="", max_length=32768, description="The same for people, with what to do about it.")


class Status(Model):
    """What a status has of every kind, but where its observedGeneration means more (Channel)."""

    observed_generation: int = Field(
        default=-1,
        ge=-1,
        le=MAX_SAFE_INTEGER,
        description="The metadata.generation that this status was computed from.",
    )


class Resource(Model):
    """An object of one of the four kinds."""

    kind: ClassVar[str]
    plural: ClassVar[str]

    metadata: ObjectMeta

    @property
    def key(self) -> tuple[str, str]:
        """(namespace, name)."""
        return (self.metadata.namespace, self.metadata.name)

    @classmethod
    def parse(cls, obj: Mapping[str, Any]) -> Self:
        """Read an object as the API server sends it.

        Raises:
            pydantic.ValidationError: the object doesn't satisfy the schema (it was stored under another one).
        """
        return cls.model_validate(obj)


R = TypeVar("R", bound=Resource)


def oldest_first(resources: Sequence[R]) -> list[R]:
    """The order in which equals have precedence: creationTimestamp, then namespace and name (Kubernetes keeps whole seconds)."""
    epoch = "0001-01-01T00:00:00+00:00"
    return sorted(
        resources,
        key=lambda r: (
            r.metadata.creation_timestamp.isoformat() if r.metadata.creation_timestamp else epoch,
            r.metadata.namespace,
            r.metadata.name,
        ),
    )
