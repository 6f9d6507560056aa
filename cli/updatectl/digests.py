"""Digests as people paste them, hex or base64 → the one form that resources have: lower-case hex."""

import base64
import binascii
import re

SHA1_BYTES = 20
SHA256_BYTES = 32


def to_hex(text: str, size: int) -> str:
    """The digest of `size` bytes in lower-case hex.

    Raises ValueError, with what was expected, for anything that isn't that many bytes in hex or base64.
    """
    text = text.strip()
    if len(text) == 2 * size and re.fullmatch("[0-9a-fA-F]+", text):
        return text.lower()
    try:
        # URL-safe base64 is told apart by its alphabet alone; padding is often lost when pasting.
        padded = text.replace("-", "+").replace("_", "/").rstrip("=")
        raw = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != size:
        digits, characters = 2 * size, len(base64.b64encode(bytes(size)))
        raise ValueError(f"expected {digits} hexadecimal digits or {characters} characters of base64, not {text!r}")
    return raw.hex()
