"""What does an instance get for its poll? One application of a request → its answer.

The order of effects is fixed: record events, then what it says of itself, then decide. A steady check (a known instance, at the version
and in the group that the store has, with nothing in flight) is answered from memory and touches nothing else.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from omaha_api import metrics
from omaha_api.answers import offers, questions, routes
from omaha_api.answers.routes import Route
from omaha_api.clock import Clock
from omaha_api.instances import enrolment, hearing, identities, replays
from omaha_api.instances import known as records
from omaha_api.instances.enrolment import Network
from omaha_api.instances.fleet_memory import FleetMemory
from omaha_api.instances.known import InstanceKey, Known
from omaha_api.rollouts.granting import Granting
from update_core import catalog
from update_core.fleet.grants import Grant
from update_core.fleet.store import OFFERED
from update_core.omaha import cohorts, dialects, events, manifests, messages
from update_core.omaha.identity import Identity
from update_core.rollout import decide
from update_core.rollout.model import Decision, Instance, Offer, Reason, Refusal, ResolvedGroup
from update_core.values import value

# The protocol's own words, and the client's own reason; all others are ours to know.
_DISABLED = messages.NoUpdate(info="update disabled by client")
_CANNOT_ANSWER = messages.UpdateError(messages.UpdateErrorStatus.INTERNAL)

_RefusalKey = tuple[str, str, str, str, str]

MAX_OFFERED_BYTES = 512 * 1024
"""What the offers of one answer may be in all. Clients read 1 MiB; the rest is for what a request of 64 KiB can have repeated and
acknowledged. Applications that find no room are offered their update when they ask again and those before them have theirs."""


@value
class Answer:
    """What a request gets. `retry_after_seconds`: for how long the client is to leave the service alone, None: as it likes."""

    response: messages.Response
    retry_after_seconds: int | None = None


class Checks:
    """Answers requests, out of the current catalog and the memory of the fleet."""

    def __init__(
        self,
        *,
        current: Callable[[], catalog.Catalog],
        memory: FleetMemory,
        heard: hearing.Hearing,
        granting: Granting,
        who: identities.Identities,
        replayed: replays.Replays,
        tally: metrics.Tally,
        clock: Clock,
        moved: Callable[[], None],
    ) -> None:
        self._current = current
        self._memory = memory
        self._hearing = heard
        self._granting = granting
        self._identities = who
        self._replays = replayed
        self._tally = tally
        self._clock = clock
        self._moved = moved
        self._catalog = catalog.EMPTY
        self._routes = routes.Routes(catalog.EMPTY)
        self._ineligible: dict[_RefusalKey, tuple[ResolvedGroup, Refusal]] = {}

    async def answer(
        self,
        request: messages.Request,
        codec: dialects.Codec = dialects.XML_30,
        network: Network = enrolment.nowhere,
    ) -> Answer:
        """The answer to a request: each of its applications once, in its order. No offer that `codec` couldn't say.

        Raises:
            StoreUnavailable: an event that moves an update couldn't be made durable; nothing may be acknowledged.
        """
        now = self._clock()
        self.follow()
        answers: list[messages.AppResponse] = []
        waits: list[int] = []
        room = MAX_OFFERED_BYTES
        for app in request.apps:
            asked = questions.question(request, app, codec)
            route = self._routes.find(app, asked.arch, codec)
            if isinstance(route, messages.AppStatus):
                answers.append(_cannot_answer(app, route))
                continue
            if route.offer_bytes > room:
                route = route.without_offer()
            answered = await self._answer_app(request, app, asked, route, now, network)
            if isinstance(answered.updatecheck, manifests.Offer):
                room -= route.offer_bytes
            answers.append(answered)
            waits.append(route.group.retry_after_seconds or 0)
        if codec.forgets_cohorts:
            answers = [cohorts.repeated(app, answer) for app, answer in zip(request.apps, answers, strict=True)]
        response = messages.Response(request.protocol, messages.day_start(now), tuple(answers))
        # One answer, one wait: the group that wants most rest gets it from all.
        return Answer(response, max(waits, default=0) or None)

    def follow(self) -> catalog.Catalog:
        """The catalog of this moment; what was worked out of an earlier one is forgotten."""
        current = self._current()
        if current is not self._catalog:
            self._catalog = current
            self._routes = routes.Routes(current)
            self._ineligible.clear()
        return current

    def route(
        self, app: messages.AppRequest, asked: Instance, codec: dialects.Codec = dialects.XML_30
    ) -> Route | messages.AppStatus:
        """Who answers it, in the catalog that was followed last; the status that says that nobody does."""
        return self._routes.find(app, asked.arch, codec)

    async def _answer_app(
        self,
        request: messages.Request,
        app: messages.AppRequest,
        asked: Instance,
        route: Route,
        now: datetime,
        network: Network,
    ) -> messages.AppResponse:
        group = route.group
        who = self._identities.identify(request, app, route.app_id, group.track, now)
        key = (route.app_id, who.instance_id if who is not None else "")
        again = bool(app.events) and self._told_again(request, app, key, now)
        if who is None or (who.cohort is not None and self._memory.known(key) is None):
            return await self._answer_nobody(request, app, asked, route, who, now, network, again=again)
        if app.events:
            own_codes = not events.numbered_by_update_engine(request.updater)
            await self._hearing.record_events(app, group, key, now, again=again, own_codes=own_codes)
        heard = await self._hearing.record_report(app, request.os, group, key, now, network)
        if app.updatecheck is None:
            return response(app, group, None, who.cohort)
        if heard.closed_until is not None:
            turned_away = self._turned_away(group, asked, key, heard.known, now, heard.closed_until)
            return response(app, group, self.tell(turned_away, None, None, route.unsayable), who.cohort)
        known = heard.known
        decision: Decision = Refusal(Reason.STORE_UNAVAILABLE)
        if heard.settled:
            decision = await self._decide(asked, group, key, known, now, network)
        return response(app, group, self.tell(decision, key, known, route.unsayable), who.cohort)

    def _turned_away(
        self, group: ResolvedGroup, asked: Instance, key: InstanceKey, said: Known, now: datetime, until: datetime
    ) -> Refusal:
        """What an instance hears that isn't taken in: what others would hear before that, else that. Nothing is kept of it."""
        decision = self._remembered(group, questions.named(asked, key[1]), said, None, now, closed_until=until)
        return decision if isinstance(decision, Refusal) else Refusal(Reason.ENROLMENT_LIMITED, until)

    def _told_again(self, request: messages.Request, app: messages.AppRequest, key: InstanceKey, now: datetime) -> bool:
        again = self._replays.again(request.requestid, request.sessionid, key, app.events, now)
        self._tally.replays += again
        return again

    async def _answer_nobody(
        self,
        request: messages.Request,
        app: messages.AppRequest,
        asked: Instance,
        route: Route,
        who: Identity | None,
        now: datetime,
        network: Network,
        *,
        again: bool,
    ) -> messages.AppResponse:
        """Nothing is recorded of an instance that hasn't said an id yet, unless it is offered an update: that is granted to the id that it
        is told. One whose own id is beyond all bounds gets nothing."""
        self._hearing.count_events(app, again=again)
        if app.updatecheck is None:
            return response(app, route.group, None, who.cohort if who is not None else None)
        if who is None:
            refused = self.tell(Refusal(Reason.ANONYMOUS_INSTANCE), None, None, offers.NO_UPDATE)
            return response(app, route.group, refused)
        key = (route.app_id, who.instance_id)
        decision = self._remembered(route.group, asked, None, None, now)
        known = None
        if isinstance(decision, Offer):
            closed_until = self._hearing.closed_until(key, network, now)
            if closed_until is not None:
                decision = Refusal(Reason.ENROLMENT_LIMITED, closed_until)
        if isinstance(decision, Offer):
            newcomer = self._hearing.newcomer(app, request.os, route.group, now)
            decision = await self._grant(asked, route.group, key, newcomer, network)
            if isinstance(decision, Offer):
                known = newcomer
                self._memory.remember(key, known)
        return response(app, route.group, self.tell(decision, key, known, route.unsayable), who.cohort)

    # The decision

    def decide_from_memory(
        self, asked: Instance, group: ResolvedGroup, key: InstanceKey, known: Known, now: datetime
    ) -> Decision:
        """What memory says: a refusal, a repeated offer, or an offer without a grant, which the store has yet to give."""
        remembered = self.refusal_of_all(asked, group)
        if remembered is not None:
            return remembered
        decision = self._remembered(group, questions.named(asked, key[1]), known, self._memory.live_grant(key), now)
        if isinstance(decision, Refusal):
            self._remember(group, asked, decision)
        return decision

    def _remembered(
        self,
        group: ResolvedGroup,
        instance: Instance,
        known: Known | None,
        live: Grant | None,
        now: datetime,
        closed_until: datetime | None = None,
    ) -> Decision:
        at = now + self._memory.ahead
        if live is not None and live.deadline <= at:
            live = None  # ended by the clock; the store says so at its next sweep
        # While memory lags, what others granted or ended isn't known: the store is asked about all that depends on it.
        memory = self._memory
        fleet = (
            memory.certain(group, known) if memory.lagging else memory.fleet(group, live, instance.instance_id, known)
        )
        if closed_until is not None:
            fleet = replace(fleet, enrolment_until=closed_until)
        return decide.decide(group, instance, fleet, at)

    def refusal_of_all(self, asked: Instance, group: ResolvedGroup) -> Refusal | None:
        """The refusal of everybody in the group who has the version, OEM and architecture and asks plainly, as long as this catalog does;
        None if unknown."""
        remembered = self._ineligible.get(_refusal_key(group, asked))
        # A request that began with an earlier catalog may have left one of that catalog's group.
        holds = remembered is not None and remembered[0] is group and questions.is_plain(asked)
        return remembered[1] if remembered is not None and holds else None

    async def _decide(
        self,
        asked: Instance,
        group: ResolvedGroup,
        key: InstanceKey,
        known: Known,
        now: datetime,
        network: Network,
    ) -> Decision:
        decision = self.decide_from_memory(asked, group, key, known, now)
        if isinstance(decision, Refusal) or decision.grant is not None:
            return decision
        seen = Known(group.track, asked.version, known.attributes, known.alias, known.boot_id, now)
        return await self._grant(asked, group, key, seen, network)

    async def _grant(
        self, asked: Instance, group: ResolvedGroup, key: InstanceKey, seen: Known, network: Network
    ) -> Decision:
        instance = questions.named(asked, key[1])
        decision = await self._granting.grant(group, instance, records.sighting(key, seen), network)
        self._moved()
        return decision

    def _remember(self, group: ResolvedGroup, asked: Instance, refusal: Refusal) -> None:
        """A refusal that follows from the group, and what is in the key, holds for all alike, as long as this catalog does."""
        holds_for_all = refusal.reason in decide.OF_GROUP_AND_VERSION and questions.is_plain(asked)
        if holds_for_all and len(self._ineligible) < routes.MAX_ROUTES:
            self._ineligible[_refusal_key(group, asked)] = (group, refusal)

    def tell(
        self,
        decision: Decision,
        key: InstanceKey | None,
        known: Known | None,
        unsayable: messages.UpdateCheckAnswer,
    ) -> messages.UpdateCheckAnswer:
        """The decision as the instance hears it: a refusal is noupdate, its reason stays here.

        `unsayable` is what an instance hears whose package is unavailable: there are clients that can be told that they couldn't read it.
        """
        if isinstance(decision, Offer):
            told = offers.offer(decision.version, decision.payload, decision.floors)
            if told is not None:
                self._tally.answers["Offer"] += 1
                self._note(OFFERED, key, known)
                return told
        reason = decision.reason if isinstance(decision, Refusal) else Reason.PACKAGE_UNAVAILABLE
        self._tally.answers[reason] += 1
        self._note(reason, key, known)
        if reason is Reason.PACKAGE_UNAVAILABLE:
            return unsayable
        # The only reason that leaves the service: the client gave it itself.
        return _DISABLED if reason is Reason.UPDATES_DISABLED_BY_CLIENT else offers.NO_UPDATE

    def _note(self, answered: str, key: InstanceKey | None, known: Known | None) -> None:
        if key is not None and known is not None and known.refusal != answered:
            known.refusal = answered
            self._memory.hurry(key)


def _refusal_key(group: ResolvedGroup, asked: Instance) -> _RefusalKey:
    return (group.app_id, group.track, asked.version, asked.oem, asked.arch)


def response(
    app: messages.AppRequest,
    group: ResolvedGroup,
    updatecheck: messages.UpdateCheckAnswer | None,
    cohort: str | None = None,
) -> messages.AppResponse:
    """The answer to an application that is served here: an acknowledgement for each thing that it said."""
    return messages.AppResponse(
        app.appid,
        messages.AppStatus.OK,
        app.ping is not None,
        updatecheck,
        len(app.events),
        cohort=cohort,
        poll_interval=group.poll_interval_seconds,
        data=_data_answers(app),
    )


def _cannot_answer(app: messages.AppRequest, status: messages.AppStatus) -> messages.AppResponse:
    # Nebraska's updater takes an answer without updatecheck for a broken one, whatever the application's status says.
    updatecheck = None if app.updatecheck is None else _CANNOT_ANSWER
    acknowledged = _data_answers(app)
    return messages.AppResponse(
        app.appid, status, app.ping is not None, updatecheck, len(app.events), data=acknowledged
    )


def _data_answers(app: messages.AppRequest) -> tuple[messages.DataAnswer, ...]:
    return tuple([messages.DataAnswer(asked, _data_status(asked)) for asked in app.data]) if app.data else ()


def _data_status(asked: messages.Data) -> messages.DataStatus:
    match asked.name:
        case "install":
            return messages.DataStatus.NO_DATA
        case "untrusted":
            return messages.DataStatus.OK
    return messages.DataStatus.INVALID_ARGUMENTS
