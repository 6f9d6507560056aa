"""Which group answers for an application and a track, towards this client? Looked up in one catalog, and remembered."""

import logging
from dataclasses import dataclass, replace

from omaha_api.answers import offers
from omaha_api.instances import machines
from update_core.catalog import Catalog
from update_core.omaha import dialects, identity, messages
from update_core.rollout.model import ResolvedGroup

logger = logging.getLogger(__name__)

MAX_ROUTES = 10_000
"""Entries of each table of what a catalog says, so that made-up names can't fill the memory."""


@dataclass(frozen=True, slots=True)
class Route:
    """Who answers."""

    app_id: str
    """Canonical."""
    group: ResolvedGroup
    """Without its payloads where the client can't be told of the one that is for it."""
    unsayable: messages.UpdateCheckAnswer
    """What PackageUnavailable is answered with."""
    offer_bytes: int
    """About how long an offer of the group is in the answer; 0 where there is nothing to offer."""

    def without_offer(self) -> "Route":
        """The route where an answer has no room for an offer."""
        group = offers.without_offers(self.group, "the answer would be longer than clients take")
        return replace(self, group=group, unsayable=offers.NO_UPDATE, offer_bytes=0)


class Routes:
    """The routes of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._routes: dict[tuple[str, str, dialects.Codec, str], Route] = {}

    def find(self, app: messages.AppRequest, arch: str, codec: dialects.Codec) -> Route | messages.AppStatus:
        """The route of a client of an architecture; the status that says that nobody answers."""
        return self._routes.get((app.appid, app.track, codec, arch)) or self._look_up(app, arch, codec)

    def _look_up(self, app: messages.AppRequest, arch: str, codec: dialects.Codec) -> Route | messages.AppStatus:
        app_id = identity.canonical_app_id(app.appid)
        if app_id is None:
            return messages.AppStatus.INVALID_APP_ID
        application = self._catalog.applications.get(app_id)
        group = application.group_for(app.track) if application is not None else None
        if group is None:
            # The same for what isn't there and for what isn't theirs to know of.
            logger.debug("nothing answers for application %r, track %r", app.appid, app.track)
            return messages.AppStatus.UNKNOWN_APPLICATION
        group, unsayable = offers.sayable(group, arch, codec)
        route = Route(app_id, group, unsayable, offers.written_bytes(group, arch, codec))
        if len(self._routes) < MAX_ROUTES and len(app.track) <= machines.MAX_TEXT_LENGTH:
            self._routes[app.appid, app.track, codec, arch] = route
        return route
