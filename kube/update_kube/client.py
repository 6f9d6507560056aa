"""Get, list, write and watch objects: the verbs of the Kubernetes API on plain dictionaries.

Objects are `dict[str, Any]` as JSON has them; typed models are the core's. Failures are update_kube.errors. A cache
that stays right is reflector.py's work, on top of `list_all` and `watch`.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Self

from update_kube import configuration, errors, session, watching
from update_kube.resources import ResourceType

REQUEST_TIMEOUT_SECONDS = 30.0
PAGE_SIZE = 500

Object = dict[str, Any]

# How often a list whose continue token expired in the middle is begun anew before that is the caller's problem.
_LIST_ATTEMPTS = 3


class Client:
    """A connection to one API server. Use it as `async with await client.connect(config) as kube:`.

    Every method raises KubeError: StatusError where the server said no, Unreachable where it said nothing. Writes
    use strict field validation: an unknown or duplicate field is an error, never dropped in silence.
    """

    def __init__(
        self,
        config: configuration.ClientConfig,
        *,
        user_agent: str = "update-service",
        request_timeout: float = REQUEST_TIMEOUT_SECONDS,
    ) -> None:
        self.config = config
        self._session = session.Session(config, user_agent=user_agent, timeout=request_timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections. Streams still running end as Unreachable."""
        await self._session.close()

    # Reading

    async def get(
        self,
        resource: ResourceType,
        name: str,
        namespace: str | None = None,
        *,
        subresource: str | None = None,
        retries: int = 0,
        within: float | None = None,
    ) -> Object:
        """One object. `retries`: how often to ask again on Unreachable, 429 and 5xx."""
        return await self.request("GET", resource.path(namespace, name, subresource), retries=retries, within=within)

    async def list_page(
        self,
        resource: ResourceType,
        namespace: str | None = None,
        *,
        limit: int = PAGE_SIZE,
        continue_: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        resource_version: str | None = None,
        retries: int = 0,
    ) -> Object:
        """One page as the server sent it: `items`, and in `metadata` the resourceVersion and the continue token.

        Raises Gone if the continue token is too old.
        """
        query = _present(
            limit=str(limit),
            labelSelector=label_selector,
            fieldSelector=field_selector,
            resourceVersion=resource_version,
            **{"continue": continue_},
        )
        return await self.request("GET", resource.path(namespace), query=query, retries=retries)

    async def list_all(
        self,
        resource: ResourceType,
        namespace: str | None = None,
        *,
        page_size: int = PAGE_SIZE,
        label_selector: str | None = None,
        field_selector: str | None = None,
        retries: int = 0,
        on_page: Callable[[], None] = lambda: None,
    ) -> tuple[list[Object], str]:
        """All objects, and the resourceVersion to watch from.

        Read in pages of one consistent state; begun anew if that state is forgotten in the middle (410). Items carry
        apiVersion and kind, which the server leaves out for built-in types. `on_page` is called after each page.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._list_once(
                    resource, namespace, page_size, label_selector, field_selector, retries=retries, on_page=on_page
                )
            except errors.Gone:
                if attempt >= _LIST_ATTEMPTS:
                    raise

    async def _list_once(
        self,
        resource: ResourceType,
        namespace: str | None,
        page_size: int,
        label_selector: str | None,
        field_selector: str | None,
        *,
        retries: int,
        on_page: Callable[[], None],
    ) -> tuple[list[Object], str]:
        items: list[Object] = []
        token: str | None = None
        while True:
            page = await self.list_page(
                resource,
                namespace,
                limit=page_size,
                continue_=token,
                label_selector=label_selector,
                field_selector=field_selector,
                retries=retries,
            )
            on_page()
            for item in page.get("items") or ():
                item.setdefault("apiVersion", resource.api_version)
                item.setdefault("kind", resource.kind)
                items.append(item)
            metadata = page.get("metadata") or {}
            token = metadata.get("continue") or None
            if token is None:
                return items, str(metadata.get("resourceVersion", ""))

    @contextlib.asynccontextmanager
    async def watch(
        self,
        resource: ResourceType,
        namespace: str | None = None,
        *,
        resource_version: str,
        timeout_seconds: int,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> AsyncIterator[watching.Stream]:
        """Follow what changes after `resource_version`, with bookmarks, for at most `timeout_seconds`.

        The stream inside raises Gone, Unreachable and the rest like every other call.
        """
        query = _present(
            watch="true",
            allowWatchBookmarks="true",
            resourceVersion=resource_version,
            timeoutSeconds=str(timeout_seconds),
            labelSelector=label_selector,
            fieldSelector=field_selector,
        )
        async with self._session.stream(resource.path(namespace), query) as stream:
            yield stream

    # Writing

    async def create(
        self,
        resource: ResourceType,
        obj: Object,
        namespace: str | None = None,
        *,
        field_manager: str | None = None,
        dry_run: bool = False,
        within: float | None = None,
    ) -> Object:
        """Create an object in its own namespace or the given one. Raises AlreadyExists if the name is taken."""
        path = resource.path(_namespace(resource, obj, namespace))
        query = _write_query(field_manager, dry_run=dry_run)
        return await self.request("POST", path, query=query, body=obj, within=within)

    async def replace(
        self,
        resource: ResourceType,
        obj: Object,
        namespace: str | None = None,
        *,
        field_manager: str | None = None,
        subresource: str | None = None,
        dry_run: bool = False,
        within: float | None = None,
    ) -> Object:
        """Replace the whole object; with metadata.resourceVersion only if it is still that one, else Conflict."""
        path = resource.path(_namespace(resource, obj, namespace), _name(obj), subresource)
        query = _write_query(field_manager, dry_run=dry_run)
        return await self.request("PUT", path, query=query, body=obj, within=within)

    async def delete(
        self,
        resource: ResourceType,
        name: str,
        namespace: str | None = None,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Delete one object: only this `uid` and `resource_version` where given, else Conflict.

        Returns what the server answers: the object if it goes later, or a Status.
        """
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        preconditions = _present(uid=uid, resourceVersion=resource_version)
        if preconditions:
            options["preconditions"] = dict(preconditions)
        if propagation is not None:
            options["propagationPolicy"] = propagation
        if dry_run:
            options["dryRun"] = ["All"]
        return await self.request("DELETE", resource.path(namespace, name), body=options)

    async def apply(
        self,
        resource: ResourceType,
        obj: Object,
        namespace: str | None = None,
        *,
        field_manager: str,
        force: bool = False,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Server-side apply: these fields are `field_manager`'s, and fields it set before and leaves out now go.

        Raises Conflict, whose `conflicts` name the other owners, unless `force` takes the fields over. An object with
        metadata.resourceVersion is applied only to that very version, else Conflict (with no `conflicts`).
        """
        body = {"apiVersion": resource.api_version, "kind": resource.kind, **obj}
        query = _write_query(field_manager, dry_run=dry_run) | {"force": "true" if force else "false"}
        path = resource.path(_namespace(resource, obj, namespace), _name(obj), subresource)
        return await self.request("PATCH", path, query=query, body=body, content_type=session.APPLY)

    async def merge_patch(
        self,
        resource: ResourceType,
        name: str,
        patch: Mapping[str, Any],
        namespace: str | None = None,
        *,
        field_manager: str | None = None,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """JSON merge patch: null removes a field, lists are replaced whole. Fenced by metadata.resourceVersion."""
        path = resource.path(namespace, name, subresource)
        query = _write_query(field_manager, dry_run=dry_run)
        return await self.request("PATCH", path, query=query, body=patch, content_type=session.MERGE_PATCH)

    # Anything

    async def server_version(self) -> Object:
        """What /version says: `gitVersion`, `major`, `minor` and more."""
        return await self.request("GET", "/version")

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = session.JSON,
        within: float | None = None,
        retries: int = 0,
    ) -> Object:
        """One request, JSON to JSON. `within` seconds (default: the client's); `retries` only for GET."""
        return await self._session.request(
            method, path, query=query or {}, body=body, content_type=content_type, within=within, retries=retries
        )


async def connect(config: configuration.ClientConfig, *, user_agent: str = "update-service") -> Client:
    """A client for this configuration. Resolves the credentials, so their trouble shows here: CredentialsError."""
    await config.credentials.identity()
    return Client(config, user_agent=user_agent)


def _write_query(field_manager: str | None, *, dry_run: bool) -> dict[str, str]:
    return _present(fieldManager=field_manager, fieldValidation="Strict", dryRun="All" if dry_run else None)


def _present(**parameters: str | None) -> dict[str, str]:
    return {key: value for key, value in parameters.items() if value is not None}


def _namespace(resource: ResourceType, obj: Object, given: str | None) -> str | None:
    own = (obj.get("metadata") or {}).get("namespace")
    if given is not None and own is not None and given != own:
        raise ValueError(f"the object is in namespace {own!r}, not {given!r}")
    namespace = given if given is not None else own
    if resource.namespaced and namespace is None:
        raise ValueError(f"{resource.qualified} is namespaced: the object needs a namespace")
    return namespace


def _name(obj: Object) -> str:
    name = (obj.get("metadata") or {}).get("name")
    if not isinstance(name, str) or not name:
        raise ValueError("the object needs a metadata.name")
    return name
