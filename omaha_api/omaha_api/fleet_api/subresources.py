"""What can be asked of one instance, and done to it? decision and history (get), reset and forget (create), by what stands in the path."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

import pydantic

from omaha_api.fleet_api import actions, decisions, histories, objects, statuses
from omaha_api.fleet_api.front.request_headers import User
from update_core.fleet.reading import FleetReader, InstanceRow, Placement
from update_core.resources.base import Model
from update_core.resources.fleet.actions import ActionSpec, InstanceForget, InstanceReset
from update_core.resources.fleet.base import API_VERSION
from update_core.resources.fleet.decision import InstanceDecision
from update_core.resources.fleet.history import InstanceHistory

Object = dict[str, Any]

DECISION, HISTORY = "decision", "history"
ACTIONS: Mapping[str, actions.Kind] = {"reset": InstanceReset, "forget": InstanceForget}

_KNOWN = {"apiVersion", "kind", "metadata", "spec", "status"}


class Api(Protocol):
    """What is needed of the fleet API."""

    @property
    def reader(self) -> FleetReader:
        """The store."""
        ...

    @property
    def decisions(self) -> decisions.Decisions:
        """Decides for those who look on."""
        ...

    @property
    def actions(self) -> actions.Actions:
        """Resets and forgets."""
        ...

    async def find_instance(self, namespace: str, name: str) -> tuple[InstanceRow, Placement]:
        """An instance by its name, or ApiError 404."""
        ...


async def handle(
    api: Api,
    method: str,
    namespace: str,
    name: str,
    subresource: str,
    query: Mapping[str, str],
    body: bytes,
    user: User,
) -> Object:
    """The object that answers a request for a subresource of an instance: with status 200 to a GET, 201 to a POST.

    Raises:
        ApiError: 400, 404, 405, 422.
        StoreUnavailable: the store can't be read, or what was asked for isn't done.
    """
    path = f"instances/{name}/{subresource}"
    if subresource not in {DECISION, HISTORY, *ACTIONS}:
        raise statuses.no_such_path(path)
    allowed = ("POST",) if subresource in ACTIONS else ("GET",)
    if method not in allowed:
        raise statuses.method_not_allowed(method, path, allowed)
    if subresource in ACTIONS:
        return await _act(api, ACTIONS[subresource], namespace, name, query, body, user)
    row, placement = await api.find_instance(namespace, name)
    if subresource == DECISION:
        status = await api.decisions.status(row, placement, query.get("version", ""))
        return _object(InstanceDecision.kind, row, placement) | {"status": _wire(status)}
    return _object(InstanceHistory.kind, row, placement) | {"moves": await histories.moves(api.reader, row)}


async def _act(
    api: Api, kind: actions.Kind, namespace: str, name: str, query: Mapping[str, str], body: bytes, user: User
) -> Object:
    dry_run = query.get("dryRun", "")
    if dry_run not in {"", "All"}:
        raise statuses.bad_request(f"dryRun is All, or isn't given, but not {dry_run!r}")
    spec = _spec(kind, namespace, name, body)
    row, placement = await api.find_instance(namespace, name)
    status = await api.actions.act(kind, row, placement, actions.Asked(user.name, spec, dry_run=bool(dry_run)))
    return _object(kind.kind, row, placement) | {"spec": _wire(spec), "status": _wire(status)}


def _spec(kind: actions.Kind, namespace: str, name: str, body: bytes) -> ActionSpec:
    """The spec in a body, which may be empty.

    Raises:
        ApiError: 400, it isn't an object of this kind for this instance; 422, a field's value isn't allowed.
    """
    if not body.strip():
        return ActionSpec()
    try:
        obj = json.loads(body)
    except (ValueError, RecursionError):
        raise statuses.bad_request(f"the body is empty, or an {kind.kind} as JSON") from None
    if not isinstance(obj, dict) or (obj.get("apiVersion"), obj.get("kind")) != (API_VERSION, kind.kind):
        raise statuses.bad_request(f"the body has to be an {kind.kind} of {API_VERSION}")
    metadata, spec = (_mapping(obj, field) for field in ("metadata", "spec"))
    unknown = [f'unknown field "{field}"' for field in obj.keys() - _KNOWN]
    unknown += [f'unknown field "spec.{field}"' for field in spec.keys() - ActionSpec.model_fields.keys()]
    if unknown:
        raise statuses.bad_request(f"strict decoding error: {', '.join(sorted(unknown))}")
    for field, expected in (("name", name), ("namespace", namespace)):
        if metadata.get(field) not in (None, "", expected):
            raise statuses.bad_request(f"metadata.{field} says {metadata[field]!r}, the URL says {expected!r}")
    try:
        return ActionSpec.model_validate({field: value for field, value in spec.items() if value is not None})
    except pydantic.ValidationError as error:
        causes = [(".".join(("spec", *map(str, problem["loc"]))), problem["msg"]) for problem in error.errors()]
        raise statuses.invalid(kind.kind, name, causes) from error


def _mapping(obj: Object, field: str) -> Object:
    value = obj.get(field)
    if value is not None and not isinstance(value, dict):
        raise statuses.bad_request(f"{field} has to be an object")
    return value or {}


def _object(kind: str, row: InstanceRow, placement: Placement) -> Object:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": objects.identity(row, placement)}


def _wire(model: Model) -> Object:
    wire: Object = model.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    return wire
