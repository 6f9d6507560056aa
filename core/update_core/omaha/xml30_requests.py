"""What does a request in XML 3.0 say?

Takes what real clients send: unknown elements and attributes are ignored, of repeated ones the first counts, and a number that is none
is as if it wasn't there.
"""

import re
from collections.abc import Sized

from lxml import etree

from update_core.omaha import cohorts, limits, xml_documents
from update_core.omaha.errors import BadRequest
from update_core.omaha.messages import NOT_A_CODE, AppRequest, Data, Event, Os, Ping, Request, UpdateCheck

PROTOCOL = "3.0"

_NO_OS = Os()
_UNLIMITED = UpdateCheck()
_TRUE = frozenset({"true", "1"})
_INTEGER = re.compile("-?[0-9]{1,19}")
_INT64 = range(-(2**63), 2**63)


def read_request(body: bytes) -> Request:
    """The request that `body` is. Raises BadRequest for whatever is none, and nothing else."""
    root = xml_documents.read(body)
    if root.tag != "request":
        raise BadRequest("the root element is not <request>")
    if root.get("protocol") != PROTOCOL:
        raise BadRequest("this protocol version is not supported in XML; 3.0 is")
    # Asking the bytes once is cheaper than asking each application for three attributes that few have.
    has_cohorts = b"cohort" in body
    os: Os | None = None
    apps: list[AppRequest] = []
    for child in root:
        if child.tag == "app":
            if len(apps) == limits.MAX_APPS:
                raise BadRequest(f"the request has more than {limits.MAX_APPS} applications")
            apps.append(_app(child, has_cohorts=has_cohorts))
        elif child.tag == "os" and os is None:
            os = _os(child)
    return Request(
        protocol=PROTOCOL,
        apps=tuple(apps),
        version=root.get("version", ""),
        updaterversion=root.get("updaterversion", ""),
        installsource=root.get("installsource", ""),
        requestid=root.get("requestid", ""),
        sessionid=root.get("sessionid", ""),
        userid=root.get("userid", ""),
        ismachine=_flag(root.get("ismachine")),
        os=os or _NO_OS,
        updater=root.get("updater", ""),
    )


def _app(element: etree._Element, *, has_cohorts: bool) -> AppRequest:
    ping: Ping | None = None
    asked: etree._Element | None = None
    events: list[Event] = []
    others: list[etree._Element] = []
    for child in element:
        tag = child.tag
        if tag == "event":
            _require_room(events, limits.MAX_EVENTS_PER_APP, "events")
            events.append(_event(child))
        elif tag == "ping" and ping is None:
            ping = _ping(child)
        elif tag == "updatecheck" and asked is None:
            asked = child
        else:
            others.append(child)
    cohort = cohorthint = cohortname = ""
    if has_cohorts:
        cohort, cohorthint, cohortname = [
            cohorts.told(element.get(name, "")) for name in ("cohort", "cohorthint", "cohortname")
        ]
    track = element.get("track", "")
    if not track:
        # Where Omaha 3 puts the channel that an administrator chose.
        release_channel = "" if asked is None else asked.get("release_channel", "")
        track = cohorts.followed("", cohorthint=cohorthint, release_channel=release_channel, cohort=cohort)
    return AppRequest(
        appid=element.get("appid", ""),
        version=element.get("version", ""),
        track=track,
        bootid=element.get("bootid", ""),
        machineid=element.get("machineid", ""),
        machinealias=element.get("machinealias", ""),
        oem=element.get("oem", ""),
        oemversion=element.get("oemversion", ""),
        alephversion=element.get("alephversion", ""),
        lang=element.get("lang", ""),
        board=element.get("board", ""),
        nextversion=element.get("nextversion", ""),
        delta_okay=element.get("delta_okay") in _TRUE,
        multi_manifest_ok=element.get("multi_manifest_ok") in _TRUE,
        ping=ping,
        updatecheck=None if asked is None else _updatecheck(asked),
        events=tuple(events),
        installsource=element.get("installsource", ""),
        cohort=cohort,
        cohorthint=cohorthint,
        cohortname=cohortname,
        fp=element.get("fp", "") or (_fingerprint(others) if others else ""),
        data=_data(others) if others else (),
    )


def _require_room(collected: Sized, most: int, what: str) -> None:
    if len(collected) == most:
        raise BadRequest(f"an application has more than {most} {what}")


def _fingerprint(elements: list[etree._Element]) -> str:
    packages = next((element for element in elements if element.tag == "packages"), None)
    first = None if packages is None else packages.find("package")
    return "" if first is None else first.get("fp", "")


def _data(elements: list[etree._Element]) -> tuple[Data, ...]:
    data: list[Data] = []
    for element in elements:
        if element.tag == "data":
            _require_room(data, limits.MAX_DATA, "data elements")
            data.append(Data(name=element.get("name", ""), index=element.get("index", "")))
    return tuple(data)


def _ping(element: etree._Element) -> Ping:
    a, ad = _integer(element.get("a")), _integer(element.get("ad"))
    active = _flag(element.get("active"))
    return Ping(
        # Clients of the day-counting kind say nothing else when they were active.
        active=active if active is not None else a is not None or ad is not None,
        a=a,
        r=_integer(element.get("r")),
        ad=ad,
        rd=_integer(element.get("rd")),
        ping_freshness=element.get("ping_freshness", ""),
    )


def _updatecheck(element: etree._Element) -> UpdateCheck:
    # As the CoreOS line always sends it.
    if not element.keys():
        return _UNLIMITED
    return UpdateCheck(
        targetversionprefix=element.get("targetversionprefix", ""),
        rollback_allowed=element.get("rollback_allowed") in _TRUE,
        updatedisabled=element.get("updatedisabled") in _TRUE,
        sameversionupdate=element.get("sameversionupdate") in _TRUE,
    )


def _event(element: etree._Element) -> Event:
    eventtype = _integer(element.get("eventtype"))
    # The protocol's default for a result that is left out is 0, an error; one that is no number says nothing.
    eventresult = _integer(element.get("eventresult", "0"))
    return Event(
        eventtype=NOT_A_CODE if eventtype is None else eventtype,
        eventresult=NOT_A_CODE if eventresult is None else eventresult,
        errorcode=_integer(element.get("errorcode")),
        previousversion=element.get("previousversion", ""),
        nextversion=element.get("nextversion", ""),
        errorcat=_integer(element.get("errorcat")),
        extracode1=_integer(element.get("extracode1")),
    )


def _os(element: etree._Element) -> Os:
    return Os(
        platform=element.get("platform", ""),
        version=element.get("version", ""),
        sp=element.get("sp", ""),
        arch=element.get("arch", ""),
    )


def _flag(text: str | None) -> bool | None:
    return None if text is None else text in _TRUE


def _integer(text: str | None) -> int | None:
    if text is None or not _INTEGER.fullmatch(text):
        return None
    value = int(text)
    return value if value in _INT64 else None
