"""What does a fake client send, and what does it read of the answer? Omaha 3.0 as the original's fake clients spoke it."""

from dataclasses import dataclass
from xml.sax import saxutils

from lxml import etree

PATH = "/v1/update/"

# One parser for all: it keeps no state. A service that answers with entities or a DTD is not one to expand them for.
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """What is the same in all of one client's requests."""

    app_id: str
    track: str
    machine_id: str
    oem: str
    on_demand: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One step of an update as it is reported."""

    type: int
    result: int
    error_code: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client acts on: the status of its update check (or of its application), and the version that is offered."""

    status: str
    version: str | None = None


class Unreadable(Exception):  # noqa: N818 - it says what the answer was
    """The answer is not one of an Omaha service."""


UPDATED = Event(3, 2)
FAILED = Event(3, 0, error_code=2000)


def check(identity: Identity, version: str, boot_id: str) -> str:
    """An update check; the original reports 3:2 with every one."""
    return _request(identity, version, boot_id, "\n  <updatecheck></updatecheck>" + _event(UPDATED))


def event(identity: Identity, version: str, boot_id: str, reported: Event) -> str:
    """A report of one event."""
    return _request(identity, version, boot_id, _event(reported))


def ping(identity: Identity, version: str, boot_id: str) -> str:
    """A sign of life and nothing else."""
    return _request(identity, version, boot_id, '\n  <ping r="1" status="1"></ping>')


def read(body: bytes) -> Answer:
    """What the service answered to an update check. Raises Unreadable."""
    try:
        app = etree.fromstring(body, _PARSER).find("app")
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable("the answer is not XML") from error
    if app is None:
        raise Unreadable("the answer names no application")
    if app.get("status", "ok") != "ok":
        return Answer(str(app.get("status")))
    updatecheck = app.find("updatecheck")
    if updatecheck is None:
        raise Unreadable("the answer has no update check")
    status = str(updatecheck.get("status"))
    manifest = updatecheck.find("manifest")
    version = manifest.get("version") if manifest is not None else None
    if status == "ok" and not version:
        raise Unreadable("the answer offers an update without a version")
    return Answer(status, str(version) if version else None)


def _request(identity: Identity, version: str, boot_id: str, content: str) -> str:
    source = "ondemandupdate" if identity.on_demand else "scheduler"
    attributes = {
        "appid": identity.app_id,
        "version": version,
        "track": identity.track,
        "bootid": boot_id,
        "oem": identity.oem,
        "machineid": identity.machine_id,
    }
    app = " ".join(f"{name}={saxutils.quoteattr(value)}" for name, value in attributes.items())
    return (
        f'<request protocol="3.0" version="updatectl" installsource="{source}">\n <os platform="CoreOS" version="lsb"></os>\n'
        f" <app {app}>{content}\n </app>\n</request>"
    )


def _event(reported: Event) -> str:
    code = "" if reported.error_code is None else f' errorcode="{reported.error_code}"'
    return f'\n  <event eventtype="{reported.type}" eventresult="{reported.result}"{code}></event>'
