"""What do an instance and the service say to each other?

The vocabulary that every dialect is translated to and from: names are the protocol's own words, values are checked once
and then trusted. Absent and empty text mean the same in Omaha and are both ``""`` here. A dialect reads bytes into a
`Request` and writes a `Response` into bytes; `identity` tells who is asking and for what.
"""

import enum
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

NOT_A_CODE = -1
"""An eventtype or eventresult that is missing or no number. The event is still acknowledged, and matches no rule."""

# XML 1.0 cannot carry these even as character references, and JSON clients choke on lone surrogates.
_UNSENDABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_NOT_OF_A_COHORT = re.compile(r"[^\x20-\x7e]")

MAX_COHORT_LENGTH = 1024
"""Characters of a cohort, its hint or its name; the protocol's own bound, and ASCII from space to tilde only."""

_DAY_ZERO = datetime(2007, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Os:
    """The instance's operating system, in its own words."""

    platform: str = ""
    version: str = ""
    sp: str = ""
    arch: str = ""


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class UpdateCheck:
    """The question "is there an update?", with the limits that the client sets itself."""

    targetversionprefix: str = ""
    rollback_allowed: bool = False
    updatedisabled: bool = False
    sameversionupdate: bool = False


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class NoUpdate:
    """Nothing for this instance now. The reason stays with the service, but for an `info` that is meant for people."""

    info: str = ""

    def __post_init__(self) -> None:
        if self.info:
            _require_sendable("info", self.info)


@dataclass(frozen=True, slots=True)
class UpdateError:
    """The update check could not be answered."""

    status: UpdateErrorStatus


@dataclass(frozen=True, slots=True)
class Package:
    """A file to download from codebase + `name`, of `size` bytes. Digests are raw; each dialect encodes them its way.

    Raises ValueError for a name that is empty, holds a "/" or walks up, a size below 1, a digest of the wrong length.
    """

    name: str
    size: int
    sha1: bytes | None = None
    sha256: bytes | None = None
    required: bool = True

    def __post_init__(self) -> None:
        # Clients join codebase and name as text: a slash here would leave the folder that the codebase names.
        _require_sendable("package name", self.name)
        if "/" in self.name or self.name in {".", ".."}:
            raise ValueError(f"the package name {self.name!r} is no plain file name")
        if self.size < 1:
            raise ValueError(f"the package size {self.size} is not positive")
        if self.sha1 is not None and len(self.sha1) != 20:
            raise ValueError(f"a SHA-1 digest has 20 bytes, not {len(self.sha1)}")
        if self.sha256 is not None and len(self.sha256) != 32:
            raise ValueError(f"a SHA-256 digest has 32 bytes, not {len(self.sha256)}")


@dataclass(frozen=True, slots=True)
class PostInstall:
    """What the CoreOS line reads from ``<action event="postinstall">``, besides the digest of the first package.

    `metadata_size` is in bytes; `metadata_signature_rsa` is base64 and is passed on as it is.
    """

    metadata_size: int | None = None
    metadata_signature_rsa: str = ""
    needsadmin: bool = False
    is_delta: bool = False
    is_delta_payload: bool = False
    # update_engine would otherwise sit out 1, 2, 4… days after a failed download, unseen by the rollout's own back-off.
    disable_payload_backoff: bool = True

    def __post_init__(self) -> None:
        if self.metadata_signature_rsa:
            _require_sendable("metadata signature", self.metadata_signature_rsa)


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version and its files, the payload first.

    `run` is what Chromium starts of the unpacked payload, with `arguments`. Raises ValueError without a version, without
    a package, or when the payload has no SHA-256.
    """

    version: str
    packages: tuple[Package, ...]
    postinstall: PostInstall = field(default_factory=PostInstall)
    run: str = ""
    arguments: str = ""

    def __post_init__(self) -> None:
        _require_sendable("manifest version", self.version)
        for what, text in (("program to run", self.run), ("program's arguments", self.arguments)):
            if text:
                _require_sendable(what, text)
        _ = self.payload_sha256

    @property
    def payload_sha256(self) -> bytes:
        """The digest that the payload must have: update_engine and ue-rs take the first package for it."""
        payload = next(iter(self.packages), None)
        if payload is None or payload.sha256 is None:
            raise ValueError("a manifest needs a payload with a SHA-256 digest as its first package")
        return payload.sha256


@dataclass(frozen=True, slots=True)
class Offer:
    """An update: `urls` are the codebases in the order to try them, each ending in "/".

    `action_run` names a program of the installed version that Chromium is to start. Raises ValueError without urls or for
    one that doesn't end in "/".
    """

    urls: tuple[str, ...]
    manifest: Manifest
    action_run: str = ""

    def __post_init__(self) -> None:
        if not self.urls:
            raise ValueError("an offer needs at least one codebase")
        for codebase in self.urls:
            _require_sendable("codebase", codebase)
            # Old update_engine and Chromium concatenate without adding the slash.
            if not codebase.endswith("/"):
                raise ValueError(f'the codebase {codebase!r} does not end in "/"')
        if self.action_run:
            _require_sendable("program to run", self.action_run)


UpdateCheckAnswer = NoUpdate | UpdateError | Offer


@dataclass(frozen=True, slots=True)
class AppResponse:
    """The answer to one `AppRequest`: what is acknowledged (`ping`, `event_acks`); `updatecheck` if one was asked.

    A cohort, cohorthint or cohortname, even an empty one, replaces the client's; None leaves it as it is. Raises
    ValueError for one that isn't printable ASCII or is too long.
    """

    appid: str
    status: AppStatus = AppStatus.OK
    ping: bool = False
    updatecheck: UpdateCheckAnswer | None = None
    event_acks: int = 0
    cohort: str | None = None
    cohorthint: str | None = None
    cohortname: str | None = None

    def __post_init__(self) -> None:
        for text in (self.cohort, self.cohorthint, self.cohortname):
            if text is not None and not is_cohort(text):
                raise ValueError(f"{text!r} is no cohort: printable ASCII, at most {MAX_COHORT_LENGTH} characters")


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to one `Request`: its applications in its order, no others (update_engine takes the first it sees)."""

    protocol: str
    daystart: DayStart
    apps: tuple[AppResponse, ...]
    server: str = "update-service"


def is_sendable(text: str) -> bool:
    """Whether every dialect can carry all characters of `text`."""
    return _UNSENDABLE.search(text) is None


def is_cohort(text: str) -> bool:
    """Whether `text` may be a cohort, its hint or its name; the empty one may."""
    return len(text) <= MAX_COHORT_LENGTH and _NOT_OF_A_COHORT.search(text) is None


def _require_sendable(what: str, text: str) -> None:
    if not text:
        raise ValueError(f"the {what} is empty")
    if not is_sendable(text):
        raise ValueError(f"the {what} {text!r} has characters that no client can be sent")
