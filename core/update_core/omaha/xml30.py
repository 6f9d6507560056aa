"""How is Omaha 3.0 written in XML, as the CoreOS line (update_engine, go-omaha, Nebraska, ue-rs) and Omaha 3 speak it?

Reading takes what real clients send: a byte order mark, no declaration, leading white space, unknown elements and
attributes. Writing is exact where clients are: no namespace, codebase first, base64 or hex as each field has it. It is
the hot path of the service, so it joins strings and builds no tree.
"""

import base64
import re
from collections.abc import Iterable

from lxml import etree

from update_core.omaha import limits
from update_core.omaha.errors import BadRequest
from update_core.omaha.manifests import Manifest, Offer, Package
from update_core.omaha.messages import (
    NOT_A_CODE,
    AppRequest,
    AppResponse,
    Event,
    NoUpdate,
    Os,
    Ping,
    Request,
    Response,
    UpdateCheck,
    UpdateCheckAnswer,
    UpdateError,
)

PROTOCOL = "3.0"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# One parser for all: it keeps no state between documents. The encoding is given, so that a declaration cannot choose
# another one and hide a DOCTYPE from the search below.
_PARSER = etree.XMLParser(
    encoding="utf-8",
    resolve_entities=False,
    no_network=True,
    huge_tree=False,
    load_dtd=False,
    remove_comments=True,
    remove_pis=True,
)

_EXCEEDS = etree.XPath(
    f"boolean({'/*' * (limits.MAX_DEPTH + 1)}"
    f" | //*[count(@*) > {limits.MAX_ATTRIBUTES}]"
    f" | //@*[string-length() > {limits.MAX_ATTRIBUTE_LENGTH}])"
)

_INTEGER = re.compile("-?[0-9]{1,19}")
_INT64 = range(-(2**63), 2**63)

# White space becomes a reference, or the client's parser would turn it into a space.
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
_SPECIAL = re.compile("[" + "".join(_ESCAPES) + "]")
_ESCAPE_TABLE = str.maketrans(_ESCAPES)


def read_request(body: bytes) -> Request:
    """The request that `body` is. Raises BadRequest for whatever is none, and nothing else."""
    root = _root(body)
    if root.tag != "request":
        raise BadRequest("the root element is not <request>")
    if root.get("protocol") != PROTOCOL:
        raise BadRequest("this protocol version is not supported in XML; 3.0 is")
    os: Os | None = None
    apps: list[AppRequest] = []
    for child in root:
        if child.tag == "app":
            if len(apps) == limits.MAX_APPS:
                raise BadRequest(f"the request has more than {limits.MAX_APPS} applications")
            apps.append(_app(child))
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
        os=os or Os(),
    )


def _root(body: bytes) -> etree._Element:
    if len(body) > limits.MAX_BODY_BYTES:
        raise BadRequest(f"the request is larger than {limits.MAX_BODY_BYTES} bytes", http_status=413)
    document = body.removeprefix(_BYTE_ORDER_MARK).strip()
    try:
        document.decode()
    except UnicodeDecodeError:
        raise BadRequest("the request is not UTF-8") from None
    # Entities can only be declared here; no client sends one, and expanding them is how small bodies become large ones.
    if b"<!DOCTYPE" in document:
        raise BadRequest("a document type declaration is not allowed")
    try:
        root = etree.fromstring(document, _PARSER)
    except etree.LxmlError:
        raise BadRequest("the request is not well-formed XML") from None
    if _may_exceed(document) and _EXCEEDS(root):
        raise BadRequest("the request is nested too deeply, or has too many or too long attributes")
    return root


def _may_exceed(document: bytes) -> bool:
    # Counting bytes is a tenth of asking the tree and clears what real clients send: an element can only be so deep
    # below that many end tags (the innermost may do without), and every attribute has its "=".
    return (
        len(document) > limits.MAX_ATTRIBUTE_LENGTH
        or document.count(b"</") >= limits.MAX_DEPTH
        or document.count(b"=") > limits.MAX_ATTRIBUTES
    )


def _app(element: etree._Element) -> AppRequest:
    ping: Ping | None = None
    updatecheck: UpdateCheck | None = None
    events: list[Event] = []
    for child in element:
        if child.tag == "event":
            if len(events) == limits.MAX_EVENTS_PER_APP:
                raise BadRequest(f"an application has more than {limits.MAX_EVENTS_PER_APP} events")
            events.append(_event(child))
        elif child.tag == "ping" and ping is None:
            ping = _ping(child)
        elif child.tag == "updatecheck" and updatecheck is None:
            updatecheck = _updatecheck(child)
    return AppRequest(
        appid=element.get("appid", ""),
        version=element.get("version", ""),
        track=element.get("track", ""),
        bootid=element.get("bootid", ""),
        machineid=element.get("machineid", ""),
        machinealias=element.get("machinealias", ""),
        oem=element.get("oem", ""),
        oemversion=element.get("oemversion", ""),
        alephversion=element.get("alephversion", ""),
        lang=element.get("lang", ""),
        board=element.get("board", ""),
        nextversion=element.get("nextversion", ""),
        delta_okay=_flag(element.get("delta_okay")) or False,
        multi_manifest_ok=_flag(element.get("multi_manifest_ok")) or False,
        ping=ping,
        updatecheck=updatecheck,
        events=tuple(events),
    )


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
    )


def _updatecheck(element: etree._Element) -> UpdateCheck:
    return UpdateCheck(
        targetversionprefix=element.get("targetversionprefix", ""),
        rollback_allowed=_flag(element.get("rollback_allowed")) or False,
        updatedisabled=_flag(element.get("updatedisabled")) or False,
        sameversionupdate=_flag(element.get("sameversionupdate")) or False,
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
    )


def _os(element: etree._Element) -> Os:
    return Os(
        platform=element.get("platform", ""),
        version=element.get("version", ""),
        sp=element.get("sp", ""),
        arch=element.get("arch", ""),
    )


def _flag(text: str | None) -> bool | None:
    return None if text is None else text in {"true", "1"}


def _integer(text: str | None) -> int | None:
    if text is None or not _INTEGER.fullmatch(text):
        return None
    value = int(text)
    return value if value in _INT64 else None


def write_response(response: Response) -> bytes:
    """`response` as a whole document ending with ``</response>``: Flatcar's scripts search their journal for that."""
    return write_head(response) + write_apps(response.apps)


def write_head(response: Response) -> bytes:
    """The document up to its applications: what changes with the time, and is the same for everybody."""
    date = response.daystart
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<response protocol="{_escape(response.protocol)}" server="{_escape(response.server)}">'
        f'<daystart elapsed_days="{date.elapsed_days}" elapsed_seconds="{date.elapsed_seconds}"/>'
    ).encode()


def write_apps(apps: Iterable[AppResponse]) -> bytes:
    """The document from its applications on."""
    return ("".join([_app_response(app) for app in apps]) + "</response>").encode()


def _app_response(app: AppResponse) -> str:
    ping = '<ping status="ok"/>' if app.ping else ""
    updatecheck = "" if app.updatecheck is None else _answer(app.updatecheck)
    events = '<event status="ok"/>' * app.event_acks
    return f'<app appid="{_escape(app.appid)}" status="{app.status}">{ping}{updatecheck}{events}</app>'


def _answer(answer: UpdateCheckAnswer) -> str:
    match answer:
        case NoUpdate():
            return '<updatecheck status="noupdate"/>'
        case UpdateError(status):
            return f'<updatecheck status="{status}"/>'
        case Offer(urls, manifest):
            # ue-rs silently loses a url whose codebase isn't the first attribute.
            codebases = "".join([f'<url codebase="{_escape(codebase)}"/>' for codebase in urls])
            return f'<updatecheck status="ok"><urls>{codebases}</urls>{_manifest(manifest)}</updatecheck>'


def _manifest(manifest: Manifest) -> str:
    packages = "".join([_package(package) for package in manifest.packages])
    return (
        f'<manifest version="{_escape(manifest.version)}"><packages>{packages}</packages>'
        f"<actions>{_postinstall(manifest)}</actions></manifest>"
    )


def _package(package: Package) -> str:
    # ue-rs fails on an empty or hexadecimal `hash` and on a base64 `hash_sha256`; absent is fine.
    sha1 = "" if package.sha1 is None else f' hash="{_base64(package.sha1)}"'
    sha256 = "" if package.sha256 is None else f' hash_sha256="{package.sha256.hex()}" fp="1.{package.sha256.hex()}"'
    return (
        f'<package name="{_escape(package.name)}"{sha1} size="{package.size}"'
        f' required="{_boolean(package.required)}"{sha256}/>'
    )


def _postinstall(manifest: Manifest) -> str:
    # update_engine takes its digest from here and compares it as text with standard base64; ue-rs needs one per action.
    action = manifest.postinstall
    size = "" if action.metadata_size is None else f' MetadataSize="{action.metadata_size}"'
    signature = action.metadata_signature_rsa and f' MetadataSignatureRsa="{_escape(action.metadata_signature_rsa)}"'
    return (
        f'<action event="postinstall" sha256="{_base64(manifest.payload_sha256)}"'
        f' needsadmin="{_boolean(action.needsadmin)}" IsDelta="{_boolean(action.is_delta)}"'
        f' IsDeltaPayload="{_boolean(action.is_delta_payload)}"'
        f' DisablePayloadBackoff="{_boolean(action.disable_payload_backoff)}"{size}{signature}/>'
    )


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _escape(text: str) -> str:
    return text.translate(_ESCAPE_TABLE) if _SPECIAL.search(text) else text
