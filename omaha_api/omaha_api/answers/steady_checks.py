"""What does an instance get that says what it said before, and has nothing to expect? The same refusal, prepared for all that say it.

A shortcut through `checks` for the one request that makes up nearly all the load, with the same answer, the same counts and the same
traces in memory. Whatever is different in any way (a new instance, another version, group or machine, an update in flight, an offer) is
left to `checks`, before anything was noted down.
"""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from omaha_api import metrics
from omaha_api.answers import checks, headers, offers, questions, routes
from omaha_api.answers.headers import Headers
from omaha_api.clock import Clock
from omaha_api.instances import hearing, machines, replays
from omaha_api.instances.fleet_memory import FleetMemory
from omaha_api.instances.known import InstanceKey
from update_core import catalog
from update_core.fleet import evidence
from update_core.fleet.attributes import Attributes
from update_core.omaha import messages, xml30
from update_core.omaha.scan30 import Form, Scanned
from update_core.rollout.model import Instance, Refusal, ResolvedGroup

_SECOND = timedelta(seconds=1)
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What all steady checks of one form have in common, in one catalog."""

    asked: Instance
    app_id: str
    group: ResolvedGroup
    version: str
    attributes: Attributes
    alias: str
    id_place: int
    """Which of the ids is the instance's."""
    boot_place: int | None
    """Which is the boot's; None where all of the form have the same, or none."""
    boot_id: str
    events: tuple[tuple[int, int, bool], ...]
    """The events as they are counted: without an update in flight they move nothing."""
    told: tuple[messages.Event, ...]
    """The events as they are recognised if they come again; empty for a form without a requestid, of which none does."""
    refusal: Refusal | None
    """What they are refused with as long as the catalog holds; None where that depends on the moment."""
    unsayable: messages.UpdateCheckAnswer
    answer: bytes
    """The refusal as it is sent, from the applications on."""
    headers: Headers
    """What is sent before it, besides what every answer has."""


class SteadyChecks:
    """Answers steady checks, as XML."""

    def __init__(
        self,
        answers: checks.Checks,
        memory: FleetMemory,
        heard: hearing.Hearing,
        replayed: replays.Replays,
        tally: metrics.Tally,
        clock: Clock,
    ) -> None:
        self._checks = answers
        self._memory = memory
        self._hearing = heard
        self._replays = replayed
        self._tally = tally
        self._clock = clock
        self._catalog = catalog.EMPTY
        self._prepared: dict[Form, _Prepared | None] = {}
        self._answers: dict[bytes, bytes] = {}
        self._head = b""
        self._head_second = _NEVER
        self._head_ends = _NEVER

    def answer(self, scanned: Scanned) -> tuple[bytes, Headers] | None:
        """The whole answer and the headers that it needs, or None, and then nothing has happened."""
        form, ids = scanned
        prepared = self._prepare(form)
        if prepared is None:
            return None
        key = (prepared.app_id, ids[prepared.id_place].decode())
        known = self._memory.known(key)
        if (
            known is None
            or known.version != prepared.version
            or known.track != prepared.group.track
            or known.attributes != prepared.attributes
            or known.alias != prepared.alias
            or self._memory.live_grant(key) is not None
        ):
            return None
        now = self._clock()
        decision = prepared.refusal or self._checks.decide_from_memory(prepared.asked, prepared.group, key, known, now)
        if not isinstance(decision, Refusal):
            return None
        if prepared.told and self._told_again(scanned, prepared, key, now):
            self._tally.replays += 1
        else:
            for event in prepared.events:
                self._tally.events[event] += 1
        boot_id = prepared.boot_id if prepared.boot_place is None else ids[prepared.boot_place].decode()
        self._hearing.record_sign_of_life(key, known, boot_id, now)
        self._checks.tell(decision, key, known, prepared.unsayable)
        return self._head_at(now) + prepared.answer, prepared.headers

    def _told_again(self, scanned: Scanned, prepared: _Prepared, key: InstanceKey, now: datetime) -> bool:
        # Clients of the CoreOS line send no requestid: what this costs, only others pay.
        request = scanned.request
        return self._replays.again(request.requestid, request.sessionid, key, prepared.told, now)

    def _prepare(self, form: Form) -> _Prepared | None:
        current = self._checks.follow()
        if current is not self._catalog:
            self._catalog = current
            self._forget()
        try:
            return self._prepared[form]
        except KeyError:
            if len(self._prepared) >= routes.MAX_ROUTES:
                self._forget()
            prepared = self._prepared[form] = self._worked_out(form)
            return prepared

    def _forget(self) -> None:
        self._prepared.clear()
        self._answers.clear()

    def _worked_out(self, form: Form) -> _Prepared | None:
        """None for a form that no steady check has."""
        if len(form.model.apps) != 1:
            return None
        (app,) = form.model.apps
        id_place = form.places.get("machineid" if app.machineid else "userid")
        asked = questions.question(form.model, app)
        route = self._checks.route(app, asked)
        if app.updatecheck is None or not questions.is_plain(asked):
            return None
        if id_place is None or isinstance(route, messages.AppStatus):
            return None
        if self._memory.shared and any(evidence.is_told_by(event.eventtype, event.eventresult) for event in app.events):
            return None  # it may be about a grant of another replica, which has yet to be heard of
        group, wait = route.group, route.group.retry_after_seconds
        answer = xml30.write_apps((checks.response(app, group, offers.NO_UPDATE),))
        return _Prepared(
            asked=asked,
            app_id=route.app_id,
            group=group,
            version=sys.intern(machines.bounded(app.version)),
            attributes=self._hearing.described(app, form.model.os),
            alias=sys.intern(machines.bounded(app.machinealias)),
            id_place=id_place,
            boot_place=form.places.get("bootid"),
            boot_id=machines.bounded(app.bootid),
            events=tuple((*metrics.event_class(event.eventtype, event.eventresult), False) for event in app.events),
            told=app.events if form.model.requestid else (),
            refusal=self._checks.refusal_of_all(asked, group),
            unsayable=route.unsayable,
            # One object for all groups of an application: the fewer different ones, the more are in the processor's cache.
            answer=self._answers.setdefault(answer, answer),
            headers=headers.spared(wait) if wait is not None else (),
        )

    def _head_at(self, now: datetime) -> bytes:
        if not self._head_second <= now < self._head_ends:
            self._head_second = now.replace(microsecond=0)
            self._head_ends = self._head_second + _SECOND
            self._head = xml30.write_head(messages.Response(xml30.PROTOCOL, messages.day_start(now), ()))
        return self._head
