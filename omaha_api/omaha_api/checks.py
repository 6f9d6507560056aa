"""What does an instance get for its poll? One application of a request → its answer.

The order of effects is fixed: record events, then what it says of itself, then decide. A steady check (a known instance, at the version
and in the group that the store has, with nothing in flight) is answered from memory and touches nothing else.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from omaha_api import fleet_memory, hearing, machines, metrics, offers
from omaha_api.clock import Clock
from omaha_api.fleet_memory import FleetMemory, InstanceKey, Known
from omaha_api.granting import Granting
from update_core import catalog
from update_core.fleet.store import OFFERED
from update_core.omaha import dialects, identity, messages
from update_core.rollout import decide
from update_core.rollout.model import Decision, Instance, Offer, Reason, Refusal, ResolvedGroup

logger = logging.getLogger(__name__)

MAX_ROUTES = 10_000
"""Entries of each table of what a catalog says, so that made-up names can't fill the memory."""

NO_UPDATE = messages.NoUpdate()
# The protocol's own words, and the client's own reason; all others are ours to know.
_DISABLED = messages.NoUpdate(info="update disabled by client")
_CANNOT_ANSWER = messages.UpdateError(messages.UpdateErrorStatus.INTERNAL)


class Checks:
    """Answers requests, out of the current catalog and the memory of the fleet."""

    def __init__(
        self,
        *,
        current: Callable[[], catalog.Catalog],
        memory: FleetMemory,
        heard: hearing.Hearing,
        granting: Granting,
        tally: metrics.Tally,
        clock: Clock,
        moved: Callable[[], None],
    ) -> None:
        self._current = current
        self._memory = memory
        self._hearing = heard
        self._granting = granting
        self._tally = tally
        self._clock = clock
        self._moved = moved
        self._catalog = catalog.EMPTY
        self._routes: dict[tuple[str, str, dialects.Codec], tuple[str, ResolvedGroup]] = {}
        self._ineligible: dict[tuple[str, str, str], tuple[ResolvedGroup, Refusal]] = {}

    async def answer(self, request: messages.Request, codec: dialects.Codec = dialects.XML_30) -> messages.Response:
        """The answer to a request: each of its applications once, in its order. No offer that `codec` couldn't say.

        Raises:
            StoreUnavailable: an event that moves an update couldn't be made durable; nothing may be acknowledged.
        """
        now = self._clock()
        self.follow()
        answers = [await self._answer_app(request, app, codec, now) for app in request.apps]
        return messages.Response(request.protocol, messages.day_start(now), tuple(answers))

    def follow(self) -> catalog.Catalog:
        """The catalog of this moment; what was worked out of an earlier one is forgotten."""
        current = self._current()
        if current is not self._catalog:
            self._catalog = current
            self._routes.clear()
            self._ineligible.clear()
        return current

    async def _answer_app(
        self, request: messages.Request, app: messages.AppRequest, codec: dialects.Codec, now: datetime
    ) -> messages.AppResponse:
        route = self.route(app, codec)
        if isinstance(route, messages.AppStatus):
            return _cannot_answer(app, route)
        app_id, group = route
        instance_id = identity.instance_id(request, app)
        if instance_id is None:
            return self._answer_anonymous(request, app, group, now)
        key = (app_id, instance_id)
        if app.events:
            await self._hearing.record_events(app, group, key, now)
        settled, known = await self._hearing.record_report(app, request.os, group, key, now)
        if app.updatecheck is None:
            return response(app, None)
        decision = await self._decide(app, group, key, known, now) if settled else Refusal(Reason.STORE_UNAVAILABLE)
        return response(app, self.tell(decision, key, known))

    def route(
        self, app: messages.AppRequest, codec: dialects.Codec = dialects.XML_30
    ) -> tuple[str, ResolvedGroup] | messages.AppStatus:
        """The canonical appId and the group that answers for a track; the status that says that none does."""
        return self._routes.get((app.appid, app.track, codec)) or self._find_route(app, codec)

    def _find_route(
        self, app: messages.AppRequest, codec: dialects.Codec
    ) -> tuple[str, ResolvedGroup] | messages.AppStatus:
        app_id = identity.canonical_app_id(app.appid)
        if app_id is None:
            return messages.AppStatus.INVALID_APP_ID
        application = self._catalog.applications.get(app_id)
        group = application.group_for(app.track) if application is not None else None
        if group is None:
            # The same for what isn't there and for what isn't theirs to know of.
            logger.debug("nothing answers for application %r, track %r", app.appid, app.track)
            return messages.AppStatus.UNKNOWN_APPLICATION
        group = offers.sayable(group, codec)
        if len(self._routes) < MAX_ROUTES and len(app.track) <= machines.MAX_TEXT_LENGTH:
            self._routes[app.appid, app.track, codec] = (app_id, group)
        return app_id, group

    # The decision

    def decide_from_memory(
        self, app: messages.AppRequest, group: ResolvedGroup, key: InstanceKey, now: datetime
    ) -> Decision:
        """What memory says: a refusal, a repeated offer, or an offer without a grant, which the store has yet to give."""
        remembered = self.refusal_of_all(app, group)
        if remembered is not None:
            return remembered
        live = self._memory.live_grant(key)
        if live is not None and live.deadline <= now:
            live = None  # ended by the clock; the store says so at its next sweep
        decision = decide.decide(group, _instance(app, key[1]), self._memory.fleet(group, live), now)
        if isinstance(decision, Refusal):
            self._remember(group, app, decision)
        return decision

    def refusal_of_all(self, app: messages.AppRequest, group: ResolvedGroup) -> Refusal | None:
        """The refusal of everybody in the group who has the version and asks plainly, as long as this catalog does; None if unknown."""
        remembered = self._ineligible.get((group.app_id, group.track, app.version))
        # A request that began with an earlier catalog may have left one of that catalog's group.
        return remembered[1] if remembered is not None and remembered[0] is group and asks_plainly(app) else None

    async def _decide(
        self, app: messages.AppRequest, group: ResolvedGroup, key: InstanceKey, known: Known, now: datetime
    ) -> Decision:
        decision = self.decide_from_memory(app, group, key, now)
        if isinstance(decision, Refusal) or decision.grant is not None:
            return decision
        instance = _instance(app, key[1])
        seen = Known(group.track, instance.version, known.attributes, known.alias, known.boot_id, now)
        decision = await self._granting.grant(group, instance, fleet_memory.sighting(key, seen))
        self._moved()
        return decision

    def _remember(self, group: ResolvedGroup, app: messages.AppRequest, refusal: Refusal) -> None:
        """A refusal that follows from group and version alone holds for everybody, as long as this catalog does."""
        holds_for_all = refusal.reason in decide.OF_GROUP_AND_VERSION and asks_plainly(app)
        if holds_for_all and len(self._ineligible) < MAX_ROUTES and len(app.version) <= machines.MAX_TEXT_LENGTH:
            self._ineligible[group.app_id, group.track, app.version] = (group, refusal)

    def _answer_anonymous(
        self, request: messages.Request, app: messages.AppRequest, group: ResolvedGroup, now: datetime
    ) -> messages.AppResponse:
        """Nothing is recorded of an instance without an id; one that sends an id beyond all bounds gets nothing either."""
        for event in app.events:
            self._tally.events[*metrics.event_class(event.eventtype, event.eventresult), False] += 1
        if app.updatecheck is None:
            return response(app, None)
        if app.machineid or request.userid:
            return response(app, self.tell(Refusal(Reason.ANONYMOUS_INSTANCE), None, None))
        decision = decide.decide(group, _instance(app, None), self._memory.fleet(group, None), now)
        return response(app, self.tell(decision, None, None))

    def tell(self, decision: Decision, key: InstanceKey | None, known: Known | None) -> messages.UpdateCheckAnswer:
        """The decision as the instance hears it: a refusal is always noupdate, its reason stays here."""
        if isinstance(decision, Offer):
            told = offers.offer(decision.version, decision.payload)
            if told is not None:
                self._tally.answers["Offer"] += 1
                self._note(OFFERED, key, known)
                return told
        reason = decision.reason if isinstance(decision, Refusal) else Reason.PACKAGE_UNAVAILABLE
        self._tally.answers[reason] += 1
        self._note(reason, key, known)
        # The only reason that leaves the service: the client gave it itself.
        return _DISABLED if reason is Reason.UPDATES_DISABLED_BY_CLIENT else NO_UPDATE

    def _note(self, answered: str, key: InstanceKey | None, known: Known | None) -> None:
        if key is not None and known is not None and known.refusal != answered:
            known.refusal = answered
            self._memory.hurry(key)


def _instance(app: messages.AppRequest, instance_id: str | None) -> Instance:
    asked = app.updatecheck
    return Instance(
        instance_id,
        machines.bounded(app.version),
        updates_disabled=asked is not None and asked.updatedisabled,
        same_version=asked is not None and asked.sameversionupdate,
    )


def asks_plainly(app: messages.AppRequest) -> bool:
    """Whether the client sets the decision no limits of its own."""
    return app.updatecheck is not None and not app.updatecheck.updatedisabled and not app.updatecheck.sameversionupdate


def response(app: messages.AppRequest, updatecheck: messages.UpdateCheckAnswer | None) -> messages.AppResponse:
    """The answer to an application that is served here: an acknowledgement for each thing that it said."""
    return messages.AppResponse(app.appid, messages.AppStatus.OK, app.ping is not None, updatecheck, len(app.events))


def _cannot_answer(app: messages.AppRequest, status: messages.AppStatus) -> messages.AppResponse:
    updatecheck = _CANNOT_ANSWER if app.updatecheck is not None else None
    return messages.AppResponse(app.appid, status, app.ping is not None, updatecheck, len(app.events))
