"""Which objects does a request ask for? Field and label selectors, as Kubernetes reads them.

A page and a watch ask the same Selector, so that what a list shows is what a watch follows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

from omaha_api.fleet_api import label_selectors, objects, statuses
from omaha_api.fleet_api.kinds import Kind
from omaha_api.fleet_api.label_selectors import LabelRequirement, SelectorError
from update_core import names
from update_core.fleet.reading import Placement, ProgressRow, Selectable


class FieldRequirement(NamedTuple):
    """`field` has the value, or hasn't."""

    field: str
    value: str
    equal: bool = True

    def met_by(self, fields: Mapping[str, str]) -> bool:
        """Whether an object with these fields meets it."""
        return (fields[self.field] == self.value) is self.equal


@dataclass(frozen=True, slots=True)
class Selector:
    """All of its requirements must be met."""

    fields: tuple[FieldRequirement, ...] = ()
    labels: tuple[LabelRequirement, ...] = ()

    @classmethod
    def parse(cls, kind: Kind, field_selector: str | None, label_selector: str | None) -> Self:
        """Read the two query parameters; None and empty select everything.

        Raises:
            ApiError: 400, one can't be read, or names a field that can't be selected by; the message lists those that can.
        """
        try:
            fields = parse_fields(field_selector or "")
        except SelectorError as error:
            raise statuses.bad_request(f"fieldSelector {field_selector!r} can't be read: {error}") from error
        unknown = [requirement.field for requirement in fields if requirement.field not in kind.fields]
        if unknown:
            message = (
                f"{kind.plural} can't be selected by {unknown[0]}, only by {', '.join(kind.fields)}, and by labels"
            )
            raise statuses.bad_request(message)
        try:
            labels = label_selectors.parse(label_selector or "")
        except SelectorError as error:
            raise statuses.bad_request(f"labelSelector {label_selector!r} can't be read: {error}") from error
        return cls(fields, labels)

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return not self.fields and not self.labels

    def matches_object(self, fields: Mapping[str, str], labels: Mapping[str, str]) -> bool:
        """Whether an object is selected; `fields` has every field of its kind."""
        return all(requirement.met_by(fields) for requirement in self.fields) and all(
            requirement.met_by(labels) for requirement in self.labels
        )

    def matches_instance(self, placement: Placement, selectable: Selectable, instance_id: str, slug: str) -> bool:
        """Whether an instance is selected."""
        if self.everything:
            return True
        labels = objects.labels_of(selectable.attributes) if self.labels else {}
        fields = instance_fields(placement, selectable, instance_id, slug) if self.fields else {}
        return self.matches_object(fields, labels)

    def matches_progress(self, placement: Placement, row: ProgressRow) -> bool:
        """Whether a group's progress is selected; it has no labels."""
        return self.everything or self.matches_object(progress_fields(placement, row), {})


def instance_fields(placement: Placement, selectable: Selectable, instance_id: str, slug: str) -> dict[str, str]:
    """What field selectors see of an instance."""
    return {
        "metadata.name": names.instance(placement.application, slug),
        "metadata.namespace": placement.namespace,
        "spec.instanceId": instance_id,
        "spec.application": placement.application,
        "spec.group": objects.group_of(placement, selectable.track),
        "spec.track": selectable.track,
        "status.version": selectable.version,
        "status.state": selectable.state,
    }


def progress_fields(placement: Placement, row: ProgressRow) -> dict[str, str]:
    """What field selectors see of a group's progress."""
    return {
        "metadata.name": objects.group_of(placement, row.progress.track),
        "metadata.namespace": placement.namespace,
        "spec.application": placement.application,
        "spec.track": row.progress.track,
    }


def parse_fields(text: str) -> tuple[FieldRequirement, ...]:
    r"""`a=b,c!=d`; `\`, `,` and `=` inside a value are written with a `\` before them.

    Raises:
        SelectorError: it can't be read.
    """
    return tuple(_field_requirement(term) for term in _terms(text) if term)


def _terms(text: str) -> list[str]:
    terms, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == ",":
            terms.append(text[start:at])
            start = at + 1
        at += 1
    return [*terms, text[start:]]


def _field_requirement(term: str) -> FieldRequirement:
    at = 0
    while at < len(term):
        if term[at] == "\\":
            at += 2
            continue
        for operator in ("!=", "==", "="):
            if term.startswith(operator, at):
                return FieldRequirement(term[:at], _unescaped(term[at + len(operator) :]), operator != "!=")
        at += 1
    raise SelectorError(f"{term!r} has none of =, == and !=")


def _unescaped(text: str) -> str:
    value, at = [], 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            at += 1
            character = text[at : at + 1]
            if character not in {"\\", ",", "="}:
                raise SelectorError(f"after a \\ come \\, a comma or =, not {character!r}")
        elif character == "=":
            raise SelectorError("a = inside a value is written \\=")
        value.append(character)
        at += 1
    return "".join(value)
