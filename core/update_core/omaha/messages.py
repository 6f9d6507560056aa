"""What do an instance and the service say to each other?

The vocabulary that every dialect is translated to and from: names are the protocol's own words, values are checked once
and then trusted. Absent and empty text mean the same in Omaha and are both ``""`` here. A dialect reads bytes into a
`Request` and writes a `Response` into bytes; `identity` tells who is asking and for what.
"""

import enum
from dataclasses import dataclass, field
from datetime import UTC, datetime

from update_core.omaha import texts
from update_core.omaha.manifests import Offer
from update_core.values import value

NOT_A_CODE = -1
"""An eventtype or eventresult that is missing or no number. The event is still acknowledged, and matches no rule."""

_DAY_ZERO = datetime(2007, 1, 1, tzinfo=UTC)


@value
class Os:
    """The instance's operating system, in its own words."""

    platform: str = ""
    version: str = ""
    sp: str = ""
    arch: str = ""


@value
class Ping:
    """A sign of life. `ad` and `rd` are day numbers from an earlier `DayStart`, `a` and `r` count days back.

    -1 is a first ping, -2 an unknown day. A `ping_freshness` that comes twice shows a cloned or reset machine.
    """

    active: bool = False
    a: int | None = None
    r: int | None = None
    ad: int | None = None
    rd: int | None = None
    ping_freshness: str = ""


@value
class UpdateCheck:
    """The question "is there an update?", with the limits that the client sets itself."""

    targetversionprefix: str = ""
    rollback_allowed: bool = False
    updatedisabled: bool = False
    sameversionupdate: bool = False


@value
class Event:
    """Something that happened on the instance. Unknown codes are legal; `events` has the known ones.

    `errorcat` and `extracode1` are what Chromium adds to an errorcode: in which category, and a number more.
    """

    eventtype: int
    eventresult: int
    errorcode: int | None = None
    previousversion: str = ""
    nextversion: str = ""
    errorcat: int | None = None
    extracode1: int | None = None


@dataclass(frozen=True, slots=True)
class Data:
    """What an installer of Omaha 3 asks for (`name` "install", by `index`) or tells ("untrusted")."""

    name: str
    index: str = ""


@value
class AppRequest:
    """One application on the instance: its state, what it asks and tells. `appid` is echoed byte for byte.

    `track` is what the client wants to follow, whatever its dialect calls that. `installsource` is here with Chromium, at
    the request with everybody else. `fp` and `cached_items` name the packages that it has: a fingerprint, SHA-256 digests
    in hexadecimal.
    """

    appid: str
    version: str = ""
    track: str = ""
    bootid: str = ""
    machineid: str = ""
    machinealias: str = ""
    oem: str = ""
    oemversion: str = ""
    alephversion: str = ""
    lang: str = ""
    board: str = ""
    nextversion: str = ""
    delta_okay: bool = False
    multi_manifest_ok: bool = False
    ping: Ping | None = None
    updatecheck: UpdateCheck | None = None
    events: tuple[Event, ...] = ()
    installsource: str = ""
    cohort: str = ""
    cohorthint: str = ""
    cohortname: str = ""
    fp: str = ""
    cached_items: tuple[str, ...] = ()
    data: tuple[Data, ...] = ()


@value
class Request:
    """Everything that one message of an instance says.

    `acceptformat` has the operations that a client of 4.0 can carry out; None if it doesn't say.
    """

    protocol: str
    apps: tuple[AppRequest, ...] = ()
    version: str = ""
    updaterversion: str = ""
    installsource: str = ""
    requestid: str = ""
    sessionid: str = ""
    userid: str = ""
    ismachine: bool | None = None
    os: Os = field(default_factory=Os)
    updater: str = ""
    acceptformat: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class DayStart:
    """The service's date: whole days since 2007-01-01 UTC, and seconds since that day's midnight (0..86399)."""

    elapsed_days: int
    elapsed_seconds: int


def day_start(now: datetime) -> DayStart:
    """The date to put in a response written at `now` (with a time zone; TypeError without)."""
    elapsed = now - _DAY_ZERO
    return DayStart(elapsed.days, elapsed.seconds)


class AppStatus(enum.StrEnum):
    """Whether the service deals with the application at all."""

    OK = "ok"
    RESTRICTED = "restricted"
    UNKNOWN_APPLICATION = "error-unknownApplication"
    INVALID_APP_ID = "error-invalidAppId"
    INVALID_VERSION = "error-invalidVersion"
    INTERNAL = "error-internal"


class UpdateErrorStatus(enum.StrEnum):
    """Why an update check could not be answered. Never for a refusal: update_engine reports each as its own failure."""

    INTERNAL = "error-internal"
    HASH = "error-hash"
    OS_NOT_SUPPORTED = "error-osnotsupported"
    HARDWARE_NOT_SUPPORTED = "error-hwnotsupported"
    UNSUPPORTED_PROTOCOL = "error-unsupportedProtocol"
    INEXPRESSIBLE = "error-inexpressible"


@value
class NoUpdate:
    """Nothing for this instance now. The reason stays with the service, but for an `info` that is meant for people."""

    info: str = ""

    def __post_init__(self) -> None:
        if self.info:
            texts.require_sendable("info", self.info)


@dataclass(frozen=True, slots=True)
class UpdateError:
    """The update check could not be answered."""

    status: UpdateErrorStatus


class DataStatus(enum.StrEnum):
    """What became of a `Data`."""

    OK = "ok"
    NO_DATA = "error-nodata"
    INVALID_ARGUMENTS = "error-invalidargs"


@dataclass(frozen=True, slots=True)
class DataAnswer:
    """The answer to one `Data`, which it names. Data to hand out there is none."""

    data: Data
    status: DataStatus


UpdateCheckAnswer = NoUpdate | UpdateError | Offer


@value
class AppResponse:
    """The answer to one `AppRequest`: what is acknowledged (`ping`, `event_acks`); `updatecheck` if one was asked.

    A cohort, cohorthint or cohortname, even an empty one, replaces the client's; None leaves it as it is. `poll_interval` is
    in seconds, until the next check (update_engine keeps to it between 45 minutes and 4 hours). Raises ValueError for a cohort
    that isn't printable ASCII or is too long, and for an interval below 1.
    """

    appid: str
    status: AppStatus = AppStatus.OK
    ping: bool = False
    updatecheck: UpdateCheckAnswer | None = None
    event_acks: int = 0
    cohort: str | None = None
    cohorthint: str | None = None
    cohortname: str | None = None
    poll_interval: int | None = None
    data: tuple[DataAnswer, ...] = ()

    def __post_init__(self) -> None:
        if self.poll_interval is not None and self.poll_interval < 1:
            raise ValueError(f"a poll interval of {self.poll_interval} seconds is none")
        for text in (self.cohort, self.cohorthint, self.cohortname):
            if text is not None and not texts.is_cohort(text):
                raise ValueError(
                    f"{text!r} is no cohort: printable ASCII, at most {texts.MAX_COHORT_LENGTH} characters"
                )


@value
class Response:
    """The answer to one `Request`: its applications in its order, no others (update_engine takes the first it sees)."""

    protocol: str
    daystart: DayStart
    apps: tuple[AppResponse, ...]
    server: str = "update-service"
