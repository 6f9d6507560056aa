"""What are a get and a list answered? The main flow of both kinds; a list that is to be watched goes on in `watching`."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response

from omaha_api.fleet_api import (
    answers,
    continuing,
    instance_pages,
    kinds,
    negotiation,
    objects,
    progress_pages,
    requests,
    statuses,
    tables,
    versions,
    watching,
)
from omaha_api.fleet_api.api import FleetApi
from omaha_api.fleet_api.continuing import Token
from omaha_api.fleet_api.instance_pages import Page
from omaha_api.fleet_api.kinds import Kind
from omaha_api.fleet_api.negotiation import Negotiated
from omaha_api.fleet_api.options import ListOptions
from omaha_api.fleet_api.selectors import Selector


async def get(api: FleetApi, request: Request, kind: Kind) -> Response:
    """One object.

    Raises:
        ApiError: 404 and the like.
        StoreUnavailable: it isn't known whether it is there.
    """
    requests.asks(request.scope, kind.plural, "get")
    negotiated = negotiate(request)
    wanted = ListOptions.parse(request.query_params).resource_version
    namespace, name = request.path_params["namespace"], request.path_params["name"]
    position = await api.reader.position()
    versions.not_of_the_future(wanted, position.resource_version(position.latest))
    if kind is kinds.INSTANCES:
        row, placement = await api.find_instance(namespace, name)
        obj = objects.instance(row, placement, position.epoch)
    else:
        demand_counts(api)
        obj = await progress_pages.named(api, namespace, name, position.epoch)
    return answers.single(tables.transform(kind, obj, negotiated, api.clock()), negotiated)


async def list_(api: FleetApi, request: Request, kind: Kind) -> Response:
    """A list, a page of one, or a watch.

    Raises:
        ApiError: the request can't be met.
        StoreUnavailable: nothing can be read.
    """
    query = request.query_params
    requests.asks(request.scope, kind.plural, "watch" if query.get("watch", "") in {"true", "1"} else "list")
    negotiated = negotiate(request)
    options = ListOptions.parse(query)
    selector = Selector.parse(kind, query.get("fieldSelector"), query.get("labelSelector"))
    namespace = request.path_params.get("namespace")
    if kind is kinds.GROUPPROGRESSES:
        demand_counts(api)
    if options.watch:
        return await watching.response(api, kind, namespace, selector, options, negotiated)
    if kind is kinds.INSTANCES:
        return await _instances(api, namespace, selector, options, negotiated)
    return await _progresses(api, namespace, selector, options, negotiated)


def negotiate(request: Request) -> Negotiated:
    """The form of the answer.

    Raises:
        ApiError: 406, 400.
    """
    return negotiation.negotiate(",".join(request.headers.getlist("accept")), request.query_params.get("includeObject"))


def demand_counts(api: FleetApi) -> None:
    """Refuse to speak of groups that haven't been counted since the start: the counts would be those of a former life.

    Raises:
        ApiError: 503.
    """
    if not api.counted():
        raise statuses.unavailable("the groups haven't been counted since the service started", retry_seconds=1)


async def _instances(
    api: FleetApi, namespace: str | None, selector: Selector, options: ListOptions, negotiated: Negotiated
) -> Response:
    position = await api.reader.position()
    version = versions.of_list(options, position)
    start = continuing.Token.decode(options.continue_) if options.continue_ else None
    limit = await _limit(api, namespace, options)
    page = await instance_pages.page(api, namespace, selector, version, limit or api.effort.chunk, start)
    metadata = {"resourceVersion": str(version)}
    if page.next is not None and limit is None:
        pages = _rest(api, namespace, selector, version, page)
        return answers.streamed(api, kinds.INSTANCES, pages, negotiated, metadata, position.epoch)
    if page.next is not None:
        metadata["continue"] = page.next.encode()
    return await answers.whole(
        api, kinds.INSTANCES, lambda: answers.instances(page, position.epoch), negotiated, metadata
    )


async def _limit(api: FleetApi, namespace: str | None, options: ListOptions) -> int | None:
    """How many instances the answer may have; None for all there are."""
    effort, limit = api.effort, options.limit
    if limit is None:
        return None
    if limit >= effort.ample_limit and not options.continue_:
        await api.placements.current()
        app_ids = [placement.app_id for placement in api.placements.in_namespace(namespace)]
        if await api.reader.count(app_ids, effort.whole_up_to + 1) <= effort.whole_up_to:
            return None
    return min(limit, effort.max_limit)


async def _rest(
    api: FleetApi, namespace: str | None, selector: Selector, version: int, page: Page
) -> AsyncIterator[Page]:
    """A first page and all that follow."""
    yield page
    while page.next is not None:
        page = await instance_pages.page(api, namespace, selector, version, api.effort.chunk, page.next)
        yield page


async def _progresses(
    api: FleetApi, namespace: str | None, selector: Selector, options: ListOptions, negotiated: Negotiated
) -> Response:
    position = await api.reader.position()
    version = versions.of_list(options, position)
    start = continuing.Token.decode(options.continue_) if options.continue_ else None
    made, last = await progress_pages.page(api, namespace, selector, position.epoch, options.limit, start)
    metadata = {"resourceVersion": str(version)}
    if last is not None:
        in_namespace, name = last
        metadata["continue"] = Token(version, in_namespace, "", "", name).encode()
    return await answers.whole(api, kinds.GROUPPROGRESSES, lambda: made, negotiated, metadata)
