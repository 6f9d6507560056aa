"""Which state of the fleet does a read ask for, and can it have it? resourceVersion and resourceVersionMatch, as kube-apiserver reads them.

Reads always see the newest state, so "not older than" asks only that a version isn't of the future.
"""

from omaha_api.fleet_api import continuing, statuses
from omaha_api.fleet_api.options import ListOptions
from update_core.fleet.reading import REVISION_BITS, Position


def of_list(options: ListOptions, position: Position) -> int:
    """The resource version of a list: of now, or of the first page.

    Raises:
        ApiError: 400, parameters that don't go together; 410, it can't be had any more; 504, it can't be had yet.
    """
    if options.continue_:
        return _of_page(options, position)
    latest = position.resource_version(position.latest)
    wanted = options.resource_version
    if options.resource_version_match and wanted is None:
        raise statuses.bad_request("resourceVersionMatch needs a resourceVersion")
    if options.resource_version_match == "Exact":
        if not wanted:
            raise statuses.bad_request("resourceVersionMatch=Exact needs a resourceVersion other than 0")
        if wanted < latest:
            raise statuses.expired(f"the fleet isn't kept as it was at resource version {wanted}; it is at {latest}")
    not_of_the_future(wanted, latest)
    return latest


def not_of_the_future(wanted: int | None, latest: int) -> None:
    """Refuse a version that hasn't been reached.

    Raises:
        ApiError: 504, with the cause that clients know.
    """
    if wanted is not None and wanted > latest:
        raise statuses.too_large(wanted, latest)


def _of_page(options: ListOptions, position: Position) -> int:
    if options.resource_version_match:
        raise statuses.bad_request("resourceVersionMatch can't be given together with continue")
    if options.resource_version:
        raise statuses.bad_request("resourceVersion can't be given together with continue")
    token = continuing.Token.decode(options.continue_)
    if token.resource_version >> REVISION_BITS != position.epoch:
        raise statuses.expired("the list was begun in another store than this one: list again from the beginning")
    return token.resource_version
