"""In which dialect does this client speak, and how is it answered in the same one?

Recognised by what is sent: the first character tells XML from JSON, the document's own `protocol` the version. The
Content-Type isn't asked: some clients send a wrong one, some none.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from update_core.omaha import json30, json31, json40, json_documents, json_requests, omaha3, xml30
from update_core.omaha.errors import BadRequest
from update_core.omaha.manifests import Offer
from update_core.omaha.messages import NoUpdate, Request, Response, UpdateCheckAnswer, UpdateError, UpdateErrorStatus

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_JSON = b"application/json"
_NO_UPDATE = NoUpdate()


@dataclass(frozen=True, slots=True, eq=False)
class Codec:
    """One dialect, towards clients of the same abilities: there is one of each, so that what is remembered of it holds for all.

    `write` gives the body of an answer, of type `content_type`. `inexpressible` says why an offer can't be written, and
    None if it can; `write` makes no half a manifest of one that can't, but a grant would have been spent on it. `unsayable` is
    what is answered instead. `forgets_cohorts`: to this client a cohort that an answer doesn't repeat is gone (`cohorts.repeated`).
    """

    name: str
    content_type: bytes
    write: Callable[[Response], bytes]
    inexpressible: Callable[[Offer], str | None]
    unsayable: UpdateCheckAnswer = _NO_UPDATE
    forgets_cohorts: bool = False


def _never(_offer: Offer) -> str | None:
    return None


_XML = b"text/xml; charset=utf-8"

XML_30 = Codec("XML 3.0", _XML, xml30.write_response, _never)
"""The CoreOS line, and whoever doesn't say that it is Omaha 3: several manifests are written, for who asks for them."""
OMAHA_3 = Codec("XML 3.0", _XML, xml30.write_response, omaha3.inexpressible, forgets_cohorts=True)
"""Omaha 3 deletes what it knew of its cohort when an answer says nothing of it, whatever the protocol's description says."""
JSON_30 = Codec("JSON 3.0", _JSON, json30.write_response, json30.inexpressible)
JSON_31 = Codec("JSON 3.1", _JSON, json31.write_response, json31.inexpressible)


_JSON_40 = {
    writer: Codec(
        "JSON 4.0",
        _JSON,
        writer.write_response,
        writer.inexpressible,
        unsayable=UpdateError(UpdateErrorStatus.INEXPRESSIBLE),
    )
    for writer in (json40.Writer(installs, runs) for installs in (True, False) for runs in (True, False))
}


def json_40(acceptformat: Iterable[str] | None) -> Codec:
    """The codec for clients of 4.0 that can carry out these operations; None if they don't say."""
    return _JSON_40[json40.writer(acceptformat)]


def read(body: bytes) -> tuple[Request, Codec]:
    """The request that `body` is, and how to answer it.

    Raises:
        BadRequest: it is none, in no dialect.
    """
    if body.removeprefix(_BYTE_ORDER_MARK).lstrip()[:1] == b"{":
        return _read_json(body)
    request = xml30.read_request(body)
    return request, OMAHA_3 if request.updater == omaha3.UPDATER else XML_30


def _read_json(body: bytes) -> tuple[Request, Codec]:
    members = json_requests.envelope(json_documents.read(body))
    match members.get("protocol"):
        case json30.PROTOCOL:
            return json30.read_request(members), JSON_30
        case json31.PROTOCOL:
            return json31.read_request(members), JSON_31
        case json40.PROTOCOL:
            request = json40.read_request(members)
            return request, json_40(request.acceptformat)
    raise BadRequest("this protocol version is not supported in JSON; 3.0, 3.1 and 4.0 are")
