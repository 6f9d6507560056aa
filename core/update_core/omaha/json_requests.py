"""What does a request in JSON say? The same in every version of the protocol but for a few names.

What a client wishes to follow is called track, cohorthint or release_channel; `cohorts` has the order.
"""

from dataclasses import dataclass

from update_core.omaha import cohorts, limits
from update_core.omaha.errors import BadRequest
from update_core.omaha.json_documents import Members, child, children, flag, integer, text
from update_core.omaha.messages import NOT_A_CODE, AppRequest, Data, Event, Os, Ping, Request, UpdateCheck

_NO_OS = Os()


@dataclass(frozen=True, slots=True)
class Names:
    """What a version of the protocol calls its lists; the first name that is there counts."""

    apps: tuple[str, ...]
    events: tuple[str, ...]


def envelope(document: Members) -> Members:
    """The members of the document's `request`."""
    members = child(document, "request")
    if members is None:
        raise BadRequest("the document has no request")
    return members


def request(members: Members, names: Names) -> Request:
    """The request. Raises BadRequest for one that can't be understood."""
    return Request(
        protocol=text(members, "protocol"),
        apps=tuple([_app(app, names) for app in _listed(members, names.apps, limits.MAX_APPS)]),
        version=text(members, "version"),
        updaterversion=text(members, "updaterversion"),
        installsource=text(members, "installsource"),
        requestid=text(members, "requestid"),
        sessionid=text(members, "sessionid"),
        userid=text(members, "userid"),
        ismachine=flag(members, "ismachine"),
        os=_os(members),
        updater=_updater(members),
        acceptformat=_acceptformat(members),
    )


def _listed(members: Members, names: tuple[str, ...], most: int) -> list[Members]:
    return children(members, next((name for name in names if name in members), names[0]), most)


def _updater(members: Members) -> str:
    # Fuchsia's is a text; Chromium's own is at "@updater", and at "updater" it tells of its neighbours.
    other = members.get("updater")
    return text(members, "@updater") or (other if isinstance(other, str) else "")


def _acceptformat(members: Members) -> tuple[str, ...] | None:
    if "acceptformat" not in members:
        return None
    return tuple([operation.strip() for operation in text(members, "acceptformat").split(",")])


def _os(members: Members) -> Os:
    os = child(members, "os")
    if os is None:
        return _NO_OS
    return Os(
        platform=text(os, "platform"),
        version=text(os, "version"),
        sp=text(os, "sp"),
        arch=text(os, "arch") or text(members, "arch"),
    )


def _app(members: Members, names: Names) -> AppRequest:
    cohort, cohorthint = cohorts.told(text(members, "cohort")), cohorts.told(text(members, "cohorthint"))
    return AppRequest(
        appid=text(members, "appid"),
        version=text(members, "version"),
        track=cohorts.followed(
            text(members, "track"),
            cohorthint=cohorthint,
            release_channel=text(members, "release_channel"),
            cohort=cohort,
        ),
        bootid=text(members, "bootid"),
        machineid=text(members, "machineid"),
        machinealias=text(members, "machinealias"),
        oem=text(members, "oem"),
        oemversion=text(members, "oemversion"),
        alephversion=text(members, "alephversion"),
        lang=text(members, "lang"),
        board=text(members, "board"),
        nextversion=text(members, "nextversion"),
        delta_okay=flag(members, "delta_okay") or False,
        multi_manifest_ok=flag(members, "multi_manifest_ok") or False,
        ping=_ping(child(members, "ping")),
        updatecheck=_updatecheck(child(members, "updatecheck")),
        events=tuple([_event(event) for event in _listed(members, names.events, limits.MAX_EVENTS_PER_APP)]),
        installsource=text(members, "installsource"),
        cohort=cohort,
        cohorthint=cohorthint,
        cohortname=cohorts.told(text(members, "cohortname")),
        fp=text(members, "fp") or _fingerprint(members),
        cached_items=_cached_items(members),
        data=_data(members),
    )


def _fingerprint(members: Members) -> str:
    packages = child(members, "packages")
    listed = children(packages, "package", limits.MAX_CACHED_ITEMS) if packages else []
    return text(listed[0], "fp") if listed else ""


def _cached_items(members: Members) -> tuple[str, ...]:
    items = children(members, "cached_items", limits.MAX_CACHED_ITEMS)
    return tuple([text(item, "sha256") for item in items])


def _data(members: Members) -> tuple[Data, ...]:
    listed = children(members, "data", limits.MAX_DATA)
    return tuple([Data(name=text(item, "name"), index=text(item, "index")) for item in listed])


def _ping(members: Members | None) -> Ping | None:
    if members is None:
        return None
    a, ad = integer(members, "a"), integer(members, "ad")
    active = flag(members, "active")
    return Ping(
        # Clients of the day-counting kind say nothing else when they were active.
        active=active if active is not None else a is not None or ad is not None,
        a=a,
        r=integer(members, "r"),
        ad=ad,
        rd=integer(members, "rd"),
        ping_freshness=text(members, "ping_freshness"),
    )


def _updatecheck(members: Members | None) -> UpdateCheck | None:
    if members is None:
        return None
    return UpdateCheck(
        targetversionprefix=text(members, "targetversionprefix"),
        rollback_allowed=flag(members, "rollback_allowed") or False,
        updatedisabled=flag(members, "updatedisabled") or False,
        sameversionupdate=flag(members, "sameversionupdate") or False,
    )


def _event(members: Members) -> Event:
    eventtype = integer(members, "eventtype")
    # The protocol's default for a result that is left out is 0, an error; one that is no number says nothing.
    eventresult = integer(members, "eventresult") if members.get("eventresult") is not None else 0
    return Event(
        eventtype=NOT_A_CODE if eventtype is None else eventtype,
        eventresult=NOT_A_CODE if eventresult is None else eventresult,
        errorcode=integer(members, "errorcode"),
        previousversion=text(members, "previousversion"),
        nextversion=text(members, "nextversion"),
        errorcat=integer(members, "errorcat"),
        extracode1=integer(members, "extracode1"),
    )
