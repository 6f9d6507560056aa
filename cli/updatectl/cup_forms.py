"""How is a CUP key built into each client? The public key as text to copy, in the words of the client's own source."""

import base64
import hashlib
import json
import textwrap
from dataclasses import dataclass

from update_core.omaha import cup

MAX_CHROMIUM_ID = 2**31 - 1
MAX_FUCHSIA_ID = 2**64 - 1
MAX_OMAHA3_ID = 255


@dataclass(frozen=True)
class NamedKey:
    """A public key and the id under which clients ask for it."""

    key_id: str
    key: cup.PublicKey

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the SubjectPublicKeyInfo, in hex: what people compare."""
        return hashlib.sha256(self.key.der).hexdigest()

    def number(self, least: int, most: int) -> int | None:
        """The id as a number of a client's kind; None if it isn't one."""
        if not self.key_id.isascii() or not self.key_id.isdecimal() or str(int(self.key_id)) != self.key_id:
            return None
        return int(self.key_id) if least <= int(self.key_id) <= most else None


def text(named: NamedKey) -> str:
    """All forms, each under the client that takes it."""
    return "\n".join(
        [
            f"Key id:      {named.key_id}",
            f"Fingerprint: sha256:{named.fingerprint} (of the SubjectPublicKeyInfo)",
            f"Point:       {named.key.point.hex()} (X9.62, uncompressed)",
            "",
            named.key.pem,
            "# Chromium, Brave: components/update_client/request_sender.cc",
            chromium(named),
            "",
            "# Chromium: the SubjectPublicKeyInfo as bytes",
            c_array("kCupPublicKey", named.key.der),
            "",
            f"# Omaha 3: omaha/net/cup_ecdsa_pubkey.{named.key_id}.h",
            omaha3(named),
            "",
            "# Fuchsia: omaha-client's public keys; older keys go into historical",
            fuchsia(named),
        ]
    )


def chromium(named: NamedKey) -> str:
    """The two constants in C++; the key is base64 of its SubjectPublicKeyInfo."""
    number = named.number(1, MAX_CHROMIUM_ID)
    if number is None:
        return _not_for("Chromium", 1, MAX_CHROMIUM_ID)
    lines = textwrap.wrap(base64.b64encode(named.key.der).decode(), 64)
    encoded = "\n".join(f'    "{line}"' for line in lines)
    return f"constexpr int kKeyVersion = {number};\nconstexpr char kKeyPubBytesBase64[] =\n{encoded};"


def omaha3(named: NamedKey) -> str:
    """The initializer that Omaha 3 includes: a byte for the id, and the point."""
    number = named.number(1, MAX_OMAHA3_ID)
    if number is None:
        return _not_for("Omaha 3", 1, MAX_OMAHA3_ID)
    return f"{{0x{number:02x},\n0x04,\n{_hex_lines(named.key.point[1:], 8)}}};"


def fuchsia(named: NamedKey) -> str:
    """The JSON that omaha-client reads as its PublicKeys."""
    number = named.number(0, MAX_FUCHSIA_ID)
    if number is None:
        return _not_for("Fuchsia", 0, MAX_FUCHSIA_ID)
    return json.dumps({"latest": {"id": number, "key": named.key.pem}, "historical": []}, indent=4)


def c_array(name: str, content: bytes) -> str:
    """Bytes as an array in C."""
    return f"const unsigned char {name}[{len(content)}] = {{\n{textwrap.indent(_hex_lines(content, 12), '    ')}\n}};"


def _hex_lines(content: bytes, width: int) -> str:
    lines = [content[start : start + width] for start in range(0, len(content), width)]
    return ",\n".join(", ".join(f"0x{byte:02x}" for byte in line) for line in lines)


def _not_for(client: str, least: int, most: int) -> str:
    return f"# not for {client}, whose key ids are numbers from {least} to {most}"
