"""How do the parsers of XML answers look into one? Python's own XML parser stands where the clients have theirs."""

import base64
import re
from xml.etree import ElementTree as ET

from support.clients.acceptance import Rejected

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def parse(body: bytes) -> ET.Element:
    """The root element."""
    try:
        return ET.fromstring(body)
    except ET.ParseError as error:
        raise Rejected(f"not well-formed: {error}") from error


def find(element: ET.Element, path: str) -> ET.Element:
    """The first element at `path`, which the client can't do without."""
    first = element.find(path)
    if first is None:
        raise Rejected(f"no {path}")
    return first


def is_base64(text: str, size: int) -> bool:
    """Whether `text` is standard base64 of `size` bytes."""
    return bool(text) and bool(_BASE64.fullmatch(text)) and len(base64.b64decode(text)) == size


def is_sha256_in_hex(text: str) -> bool:
    """Whether `text` is a SHA-256 digest in lower-case hexadecimal."""
    return bool(re.fullmatch("[0-9a-f]{64}", text))
