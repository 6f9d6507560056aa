"""Is this body an XML document that may be looked into?

Public input: the bounds of `limits` hold for all of a document, for the parts that nobody reads too, and nothing in it can grow
while it is read.
"""

from lxml import etree

from update_core.omaha import limits
from update_core.omaha.errors import BadRequest

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


def read(body: bytes) -> etree._Element:
    """The root element. Raises BadRequest for whatever is no XML document within the limits, and nothing else."""
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
