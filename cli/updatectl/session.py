"""One command's conversation with the API server: find, apply, delete, in one namespace and with one set of options.

Writes are server-side applies. Each is fenced by the resourceVersion that it was computed from and computed again when that has moved on.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from update_kube import errors
from update_kube.resources import ResourceType
from updatectl import ownership, spec_fields
from updatectl.errors import CommandError, OwnedElsewhereError, owned_elsewhere

if TYPE_CHECKING:
    from update_kube import client  # at run time it would cost every --help half a second

Object = dict[str, Any]
Changes = Mapping[str, Any]
"""Fields of a spec and their new values, those further down by their path such as rollout.halt; None removes a field."""

_ATTEMPTS = 5
_LABELS = {"app.kubernetes.io/managed-by": "updatectl", "app.kubernetes.io/part-of": "update-service"}


class Mode(Enum):
    """What a write may do."""

    UPSERT = auto()
    CREATE = auto()
    UPDATE = auto()


@dataclass(frozen=True)
class Target:
    """What a write is about: the object that `find` finds, or a new one with this name.

    `noun` and `handle` are how a person names it on the command line: "group", "APP_ID GROUP_ID".
    """

    resource: ResourceType
    name: str
    find: Callable[[], Awaitable[Object | None]]
    noun: str
    handle: str


@dataclass(frozen=True)
class Session:
    """A connection, the namespace to work in, and how to write."""

    kube: "client.Client"
    namespace: str
    dry_run: bool = False
    force: bool = False

    async def find_all(self, resource: ResourceType, field_selector: str | None = None) -> list[Object]:
        """All objects of the namespace that match."""
        items, _ = await self.kube.list_all(resource, self.namespace, field_selector=field_selector, retries=2)
        return items

    async def write(self, target: Target, changes: Changes | Callable[[Object | None], Changes], mode: Mode) -> Object:
        """Bring a target to these changes, which may depend on what it is now (None: it isn't there yet).

        Raises CommandError if the mode forbids it, its name is taken or a field to remove is another manager's; KubeError as the server
        answers.
        """
        for attempt in range(_ATTEMPTS):
            existing = await target.find()
            _check_mode(target, existing, mode)
            if existing is None:
                await self._check_free(target.resource, target.name)
            wanted = changes(existing) if callable(changes) else changes
            try:
                return await self._apply(target.resource, target.name, existing, wanted)
            except errors.Conflict as error:
                # Somebody wrote between our read and our write; a conflict about owners doesn't pass by itself.
                if error.conflicts or attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError  # the loop returns or raises

    async def change_as_read(self, resource: ResourceType, read: Object, changes: Changes) -> Object:
        """Change an object whose spec is still the one that was read. What the operator writes into its status doesn't matter.

        Raises errors.Conflict where the spec is another by now, or the object is gone; CommandError and KubeError as `write`.
        """
        name, latest = read["metadata"]["name"], read
        for attempt in range(_ATTEMPTS):
            try:
                return await self._apply(resource, name, latest, changes)
            except errors.Conflict as error:
                if error.conflicts or attempt == _ATTEMPTS - 1:
                    raise
                try:
                    latest = await self.kube.get(resource, name, self.namespace)
                except errors.NotFound:
                    raise error from None
                if _spec_identity(latest) != _spec_identity(read):
                    raise
        raise AssertionError  # the loop returns or raises

    async def delete(self, resource: ResourceType, obj: Object) -> None:
        """Delete exactly this object, not one that has taken its name since."""
        metadata = obj["metadata"]
        await self.kube.delete(resource, metadata["name"], self.namespace, uid=metadata["uid"], dry_run=self.dry_run)

    async def _apply(self, resource: ResourceType, name: str, existing: Object | None, changes: Changes) -> Object:
        metadata: Object = {"name": name, "labels": _LABELS}
        spec: Object = {}
        if existing is not None:
            self._check_removable(existing, changes)
            metadata = {
                "name": existing["metadata"]["name"],
                # Without it an apply to an object that is gone makes a new one, whatever the resourceVersion.
                "uid": existing["metadata"]["uid"],
                "resourceVersion": existing["metadata"]["resourceVersion"],
                "labels": ownership.owned_labels(existing),
            }
            spec = ownership.owned_spec(existing)
        obj = {"metadata": metadata, "spec": spec_fields.changed(spec, changes)}
        applied = await self.kube.apply(
            resource,
            obj,
            self.namespace,
            field_manager=ownership.MANAGER,
            force=self.force,
            dry_run=self.dry_run,
        )
        return await self._without(resource, applied, changes)

    def _check_removable(self, existing: Object, changes: Changes) -> None:
        for field, value in changes.items():
            if self.force or not spec_fields.dropped(spec_fields.get(existing["spec"], field), value):
                continue
            owners = ownership.other_owners(existing, field)
            if owners:
                raise OwnedElsewhereError(owned_elsewhere(f"spec.{field}", owners))

    async def _without(self, resource: ResourceType, applied: Object, changes: Changes) -> Object:
        """Remove what an apply leaves because others own it; only reached with force, as the check comes first."""
        if not self.force or self.dry_run:
            return applied
        for field, value in changes.items():
            left = spec_fields.get(applied["spec"], field)
            if spec_fields.dropped(left, value):
                applied = await self.kube.merge_patch(
                    resource,
                    applied["metadata"]["name"],
                    {"spec": spec_fields.nested(field, spec_fields.kept(left, value))},
                    self.namespace,
                    field_manager=ownership.MANAGER,
                )
        return applied

    async def _check_free(self, resource: ResourceType, name: str) -> None:
        try:
            await self.kube.get(resource, name, self.namespace)
        except errors.NotFound:
            return
        raise CommandError(
            f"the name {name} is taken by another {resource.kind} in namespace {self.namespace}, which stands for something else; "
            f"look at it with `kubectl -n {self.namespace} get {resource.plural} {name} -o yaml`"
        )


def _spec_identity(obj: Object) -> tuple[object, object]:
    """The same as long as nobody changes the spec: a write of the status leaves the generation alone."""
    return obj["metadata"]["uid"], obj["metadata"]["generation"]


def _check_mode(target: Target, existing: Object | None, mode: Mode) -> None:
    if mode is Mode.UPDATE and existing is None:
        raise CommandError(
            f"there is no {target.noun} {target.handle}; `updatectl {target.noun} create {target.handle}` makes it"
        )
    if mode is Mode.CREATE and existing is not None:
        where = f"{existing['metadata']['namespace']}/{existing['metadata']['name']}"
        raise CommandError(
            f"{target.noun} {target.handle} exists already, as {where}; `updatectl {target.noun} update {target.handle}` changes it"
        )
