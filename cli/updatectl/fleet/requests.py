"""What is asked of the fleet API? Pages of instances, what would be decided, what became of one, and two acts.

Its failures become sentences here: that it is away, isn't installed, or that a right is missing, says nothing about the rest of the API.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from update_kube import errors as kube_errors
from update_kube.resources import FLEET_GROUP, GROUPPROGRESSES, INSTANCES, ResourceType
from updatectl import lookup
from updatectl.errors import CommandError
from updatectl.session import Session

Object = dict[str, Any]

PAGE_SIZE = 500
API_SERVICE = f"{INSTANCES.version}.{FLEET_GROUP}"

_RETRIES = 2


@dataclass(frozen=True)
class Selection:
    """Which instances: fields and their values, labels as kubectl's -l has them."""

    fields: Mapping[str, str] = field(default_factory=dict)
    labels: str | None = None


async def pages(session: Session, selection: Selection, *, limit: int | None = None) -> AsyncIterator[list[Object]]:
    """The instances of the namespace by name, page by page; `limit` is how many in all. A page may be larger than was asked for: the
    fleet API answers with a small fleet whole."""
    token: str | None = None
    left = limit
    while left is None or left > 0:
        size = PAGE_SIZE if left is None else min(PAGE_SIZE, left)
        with asking():
            page = await session.kube.list_page(
                INSTANCES,
                session.namespace,
                limit=size,
                continue_=token,
                field_selector=lookup.selector(selection.fields) or None,
                label_selector=selection.labels,
                retries=_RETRIES,
            )
        items = _typed(page.get("items") or (), INSTANCES)[:left]
        yield items
        token = page.get("metadata", {}).get("continue") or None
        if token is None:
            return
        left = None if left is None else left - len(items)


async def instance(session: Session, name: str) -> Object | None:
    """The instance that is the object of this name."""
    with asking():
        try:
            return await session.kube.get(INSTANCES, name, session.namespace, retries=_RETRIES)
        except kube_errors.NotFound as error:
            if _is_unknown_kind(error):
                raise
            return None


async def progress(session: Session, name: str) -> Object | None:
    """The counts of the Group of this name; None where nothing was counted yet."""
    with asking():
        try:
            return await session.kube.get(GROUPPROGRESSES, name, session.namespace, retries=_RETRIES)
        except kube_errors.NotFound as error:
            if _is_unknown_kind(error):
                raise
            return None


async def decision(session: Session, name: str, version: str | None) -> Object:
    """What the instance would be answered now, with `version` if it ran that one."""
    path = INSTANCES.path(session.namespace, name, "decision")
    query = {} if version is None else {"version": version}
    with asking():
        return await session.kube.request("GET", path, query=query, retries=_RETRIES)


async def history(session: Session, name: str) -> Object:
    """What became of the instance's updates."""
    with asking():
        return await session.kube.get(INSTANCES, name, session.namespace, subresource="history", retries=_RETRIES)


async def act(session: Session, name: str, subresource: str, kind: str, reason: str) -> Object:
    """Reset or forget the instance; what was done."""
    body = {
        "apiVersion": INSTANCES.api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": session.namespace},
        "spec": {"reason": reason} if reason else {},
    }
    path = INSTANCES.path(session.namespace, name, subresource)
    query = {"dryRun": "All"} if session.dry_run else {}
    with asking():
        return await session.kube.request("POST", path, query=query, body=body)


@contextlib.contextmanager
def asking() -> Iterator[None]:
    """Around requests to the fleet API. Raises CommandError where it can't answer; other errors pass."""
    try:
        yield
    except kube_errors.Forbidden as error:
        raise CommandError(forbidden(error)) from error
    except kube_errors.NotFound as error:
        if not _is_unknown_kind(error):
            raise
        raise CommandError(
            f"the cluster has no fleet API: {FLEET_GROUP} is not served. The Omaha service serves it through the "
            f"APIService {API_SERVICE}: `kubectl get apiservice {API_SERVICE}` says whether that is installed."
        ) from error
    except kube_errors.Gone as error:
        raise CommandError(
            "the fleet moved on while it was being read, and what came before is no longer kept: try again, "
            "with narrower filters or --limit if it takes long"
        ) from error
    except kube_errors.ServerError as error:
        raise CommandError(away(error)) from error


def forbidden(error: kube_errors.Forbidden) -> str:
    """The message for a missing right on the fleet."""
    return (
        f"not allowed: {error.message}\n"
        "The credentials are good, but this right is missing. The ClusterRole update-service-viewer allows to look at the fleet, "
        "update-service-operator to reset and forget instances too: ask whoever manages the cluster's roles."
    )


def away(error: kube_errors.ServerError) -> str:
    """The message for a fleet API that doesn't answer."""
    return (
        f"the fleet API does not answer: {error.message}\n"
        f"Only what is asked of the fleet is concerned. `kubectl get apiservice {API_SERVICE}` and the Omaha service's log say why."
    )


def _is_unknown_kind(error: kube_errors.NotFound) -> bool:
    # An answer about an object names it in its details; one about a path that isn't served has none.
    return not error.details.get("name")


def _typed(items: Any, resource: ResourceType) -> list[Object]:
    return [{"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in items]
