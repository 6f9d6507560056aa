"""The fleet API as an application: which path leads to which handler, and what becomes of errors.

It is reached through kube-apiserver alone, which has decided by RBAC before; `front_proxy` has made sure of that. Handlers answer with raw
responses: a fleet's page is made of dicts, and no framework's model is put between them and the bytes.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import fastapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from omaha_api.fleet_api import (
    answers,
    discovery,
    kinds,
    negotiation,
    openapi,
    reads,
    requests,
    statuses,
    subresources,
)
from omaha_api.fleet_api.api import FleetApi
from omaha_api.fleet_api.discovery import Subresource
from omaha_api.fleet_api.kinds import Kind
from omaha_api.fleet_api.negotiation import Negotiated
from update_core.resources.fleet.base import API_VERSION, GROUP

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024

Handler = Callable[[Request], Awaitable[Response]]


def create(api: FleetApi) -> ASGIApp:
    """The application, for requests whose user is known."""
    app = fastapi.FastAPI(title="Fleet API", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _error)
    _describe(app)
    for kind in kinds.ALL:
        _serve(app, api, kind)
    return app


def _describe(app: fastapi.FastAPI) -> None:
    """Discovery and OpenAPI."""

    async def groups(request: Request) -> Response:
        requests.asks(request.scope, "discovery", "get")
        if discovery.wants_aggregated(_accept(request)):
            return Response(_json(discovery.aggregated()), media_type=discovery.AGGREGATED)
        return _document(request, _json(discovery.group_list()))

    def constant(resource: str, make: Callable[[], bytes]) -> Handler:
        async def handler(request: Request) -> Response:
            requests.asks(request.scope, resource, "get")
            return _document(request, make())

        return handler

    _route(app, "/apis", groups)
    _route(app, f"/apis/{GROUP}", constant("discovery", lambda: _json(discovery.group())))
    _route(app, f"/apis/{API_VERSION}", constant("discovery", lambda: _json(discovery.resource_list())))
    _route(app, "/openapi/v2", constant("openapi", openapi.document_v2))
    _route(app, "/openapi/v3", constant("openapi", openapi.index))
    _route(app, openapi.PATH, constant("openapi", openapi.document))


def _serve(app: fastapi.FastAPI, api: FleetApi, kind: Kind) -> None:
    """The paths of one kind."""

    async def list_(request: Request) -> Response:
        return await _answered(reads.list_(api, request, kind))

    async def get(request: Request) -> Response:
        return await _answered(reads.get(api, request, kind))

    def part(subresource: Subresource) -> Handler:
        async def handler(request: Request) -> Response:
            return await _answered(_subresource(api, request, kind, subresource))

        return handler

    base = f"/apis/{API_VERSION}"
    named = f"{base}/namespaces/{{namespace}}/{kind.plural}/{{name}}"
    _route(app, f"{base}/{kind.plural}", list_)
    _route(app, f"{base}/namespaces/{{namespace}}/{kind.plural}", list_)
    _route(app, named, get)
    for subresource in discovery.of(kind):
        method = "GET" if subresource.verb == "get" else "POST"
        _route(app, f"{named}/{subresource.name}", part(subresource), method)


def _route(app: fastapi.FastAPI, path: str, handler: Handler, method: str = "GET") -> None:
    app.add_route(path, handler, methods=[method], include_in_schema=False)


async def _answered(answer: Awaitable[Response]) -> Response:
    """The answer, or the error in its place: the exception handlers of the framework would log a traceback for each."""
    try:
        return await answer
    except Exception as error:
        status = statuses.of(error)
        if status is None:
            raise
        return statuses.response(status)


async def _subresource(api: FleetApi, request: Request, kind: Kind, subresource: Subresource) -> Response:
    requests.asks(request.scope, f"{kind.plural}/{subresource.name}", subresource.verb)
    negotiation.negotiate(_accept(request))
    made = await subresources.handle(
        api,
        request.method,
        request.path_params["namespace"],
        request.path_params["name"],
        subresource.name,
        dict(request.query_params),
        await _body(request),
        request.state.user,
    )
    return answers.single(made, Negotiated(), 201 if request.method == "POST" else 200)


async def _body(request: Request) -> bytes:
    """A request's body.

    Raises:
        ApiError: 413, 415.
    """
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MAX_BODY_BYTES:
            raise statuses.ApiError(413, "RequestEntityTooLarge", f"a body has at most {MAX_BODY_BYTES} bytes")
    media_type = request.headers.get("content-type", negotiation.JSON).partition(";")[0].strip().lower()
    if received and media_type != negotiation.JSON:
        raise statuses.ApiError(415, "UnsupportedMediaType", f"a body is {negotiation.JSON}, not {media_type}")
    return bytes(received)


def _document(request: Request, content: bytes) -> Response:
    try:
        negotiation.negotiate(_accept(request))
    except statuses.ApiError as error:
        return statuses.response(error)
    return Response(content, media_type=negotiation.JSON)


def _accept(request: Request) -> str:
    return ",".join(request.headers.getlist("accept"))


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


async def _http_error(request: Request, error: Exception) -> Response:
    """The framework's own: an unknown path, or a method that a path doesn't have."""
    path = request.url.path
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = sorted(set((error.headers or {}).get("Allow", "").split(", ")) - {"HEAD"})
        return statuses.response(statuses.method_not_allowed(request.method, path, allowed))
    return statuses.response(statuses.no_such_path(path))


async def _error(request: Request, error: Exception) -> Response:
    """A bug: the traceback is in the log, and the client isn't told more than that."""
    logger.error("%s %s ended in %s", request.method, request.url.path, type(error).__name__)
    return statuses.response(statuses.ApiError(500, "InternalError", "an internal error; the service's log has more"))
