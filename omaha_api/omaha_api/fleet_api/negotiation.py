"""In which form does the client want the answer? The Accept header, as kubectl and client-go write it.

They name their favourite first and plain JSON as the last resort. What can't be sent (protobuf, CBOR, YAML) is passed over.
"""

from dataclasses import dataclass

from omaha_api.fleet_api import statuses

JSON = "application/json"

TABLE = "Table"
PARTIAL = "PartialObjectMetadata"
PARTIAL_LIST = "PartialObjectMetadataList"

_META_GROUP = "meta.k8s.io"
_META_VERSION = "v1"
_ANYTHING = frozenset({"application/json", "application/*", "*/*"})


@dataclass(frozen=True, slots=True)
class MediaType:
    """One of an Accept header's: `application/json;as=Table;g=meta.k8s.io;v=v1`."""

    name: str
    parameters: dict[str, str]
    quality: float


@dataclass(frozen=True, slots=True)
class Negotiated:
    """The form of an answer."""

    as_: str = ""
    """TABLE or PARTIAL; empty for the objects themselves."""
    include_object: str = "Metadata"
    """What a Table's rows carry besides their cells: None, Metadata or Object."""

    @property
    def content_type(self) -> str:
        """As the answer names itself."""
        return f"{JSON};as={self.as_};g={_META_GROUP};v={_META_VERSION}" if self.as_ else JSON


def negotiate(accept: str, include_object: str | None = None) -> Negotiated:
    """The first form that the header names and that can be sent; JSON where there is no header.

    Raises:
        ApiError: 406, there is none; 400, includeObject isn't None, Metadata or Object.
    """
    include_object = include_object or "Metadata"
    if include_object not in {"None", "Metadata", "Object"}:
        raise statuses.bad_request(f"includeObject is None, Metadata or Object, not {include_object!r}")
    if not accept.strip():
        return Negotiated(include_object=include_object)
    for media_type in media_types(accept):
        as_ = _form(media_type)
        if as_ is not None:
            return Negotiated(as_, include_object)
    raise statuses.not_acceptable()


def media_types(accept: str) -> list[MediaType]:
    """What a header names, the most wanted first; those with q=0 aren't wanted."""
    found = [_media_type(part) for part in accept.split(",") if part.strip()]
    return sorted((each for each in found if each.quality > 0), key=lambda each: -each.quality)


def _media_type(text: str) -> MediaType:
    name, *parts = (part.strip() for part in text.split(";"))
    pairs = (part.partition("=") for part in parts)
    parameters = {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
    try:
        quality = float(parameters.get("q", "1"))
    except ValueError:
        quality = 1.0
    return MediaType(name.lower(), parameters, quality)


def _form(media_type: MediaType) -> str | None:
    if media_type.name not in _ANYTHING:
        return None
    as_ = media_type.parameters.get("as", "")
    if not as_:
        return ""
    meta = (media_type.parameters.get("g"), media_type.parameters.get("v")) == (_META_GROUP, _META_VERSION)
    if as_ == TABLE and meta:
        return TABLE
    # A watch asks for PartialObjectMetadata, a list for PartialObjectMetadataList; which it is shows from the request.
    return PARTIAL if as_ in {PARTIAL, PARTIAL_LIST} and meta else None
