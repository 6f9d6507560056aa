"""Which kinds does the fleet API serve, what are they called, and by which fields are they selected?"""

from dataclasses import dataclass

from update_kube import resources
from update_kube.resources import ResourceType


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind that is listed and watched."""

    type: ResourceType
    singular: str
    short_name: str
    fields: tuple[str, ...]
    """What a field selector may name."""

    @property
    def kind(self) -> str:
        """As in an object's `kind`."""
        return self.type.kind

    @property
    def list_kind(self) -> str:
        """As in a list's `kind`."""
        return f"{self.type.kind}List"

    @property
    def plural(self) -> str:
        """As in a path."""
        return self.type.plural


INSTANCES = Kind(
    resources.INSTANCES,
    singular="instance",
    short_name="uinst",
    fields=(
        "metadata.name",
        "metadata.namespace",
        "spec.instanceId",
        "spec.application",
        "spec.group",
        "spec.track",
        "status.version",
        "status.state",
    ),
)

GROUPPROGRESSES = Kind(
    resources.GROUPPROGRESSES,
    singular="groupprogress",
    short_name="ugp",
    fields=("metadata.name", "metadata.namespace", "spec.application", "spec.track"),
)

ALL = (INSTANCES, GROUPPROGRESSES)
