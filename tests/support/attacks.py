"""Bodies that are meant to do harm: small ones that become large, ones that are read in two ways, ones that break a reader.

`ATTACKS` has them by name with the statuses that may answer them; none may cost more than reading some kilobytes.
"""

import gzip
import zlib

from update_core.omaha import limits

_XML = '<?xml version="1.0" encoding="{}"?><request protocol="3.0"><app appid="a"/></request>'
_DOCTYPE = '<!DOCTYPE r [<!ENTITY a "b">]>'
_CHECK = b'<request protocol="3.0"><app appid="a"><updatecheck/></app></request>'

BILLION_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol0 "lol">'
    + b"".join(b'<!ENTITY lol%d "%s">' % (n + 1, b"&lol%d;" % n * 10) for n in range(9))
    + b']><request protocol="3.0"><app appid="&lol9;"/></request>'
)


def _xml(inside: bytes, attributes: bytes = b"") -> bytes:
    return b'<request protocol="3.0"%b>%b</request>' % (attributes, inside)


def _json(members: bytes) -> bytes:
    return b'{"request":{"protocol":"3.1",%b}}' % members


def _padded(body: bytes, size: int) -> bytes:
    return body + b" " * (size - len(body))


REFUSED = frozenset({400})
TOO_LARGE = frozenset({413})

ATTACKS: dict[str, tuple[bytes, frozenset[int]]] = {
    "empty": (b"", REFUSED),
    "white space": (b" \n" * 1000, REFUSED),
    "one NUL": (b"\x00", REFUSED),
    "95 KiB of XML": (_padded(_CHECK, 95 * 1024), TOO_LARGE),
    "95 KiB of one attribute": (_xml(b'<app appid="%b"/>' % (b"a" * 95 * 1024)), TOO_LARGE),
    "one byte too many": (_padded(_CHECK, limits.MAX_BODY_BYTES + 1), TOO_LARGE),
    "billion laughs": (BILLION_LAUGHS, REFUSED),
    "quadratic blow-up": (
        b'<!DOCTYPE r [<!ENTITY a "%b">]>%b' % (b"a" * 30_000, _xml(b'<app appid="%b"/>' % (b"&a;" * 8_000))),
        REFUSED,
    ),
    "external entity": (b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + _xml(b"<app>&a;</app>"), REFUSED),
    "external document type": (b'<!DOCTYPE r SYSTEM "http://127.0.0.1:1/x.dtd">' + _CHECK, REFUSED),
    "parameter entity": (b'<!DOCTYPE r [<!ENTITY % a "x"> %a;]>' + _CHECK, REFUSED),
    "10,000 applications in XML": (_xml(b"<app/>" * 10_000), REFUSED),
    "10,000 applications in JSON": (_json(b'"app":[' + b"{}," * 9_999 + b"{}]"), REFUSED),
    "one application too many": (_xml(b"<app/>" * (limits.MAX_APPS + 1)), REFUSED),
    "one event too many": (_xml(b"<app>%b</app>" % (b"<event/>" * (limits.MAX_EVENTS_PER_APP + 1))), REFUSED),
    "1 MiB of attributes": (_xml(b"", b"".join(b' a%d="x"' % n for n in range(100_000))[: 1024 * 1024]), TOO_LARGE),
    "64 KiB of attributes": (_xml(b"", b"".join(b' a%d="x"' % n for n in range(6_000))), REFUSED),
    "one attribute too many": (_xml(b"", b"".join(b' a%d=""' % n for n in range(limits.MAX_ATTRIBUTES))), REFUSED),
    "one attribute too long": (_xml(b'<app appid="%b"/>' % (b"a" * (limits.MAX_ATTRIBUTE_LENGTH + 1))), REFUSED),
    "namespaces without end": (_xml(b"", b"".join(b' xmlns:a%d="x"' % n for n in range(3_000))), frozenset({200, 400})),
    "text too long in JSON": (_json(b'"version":"%b"' % (b"a" * (limits.MAX_ATTRIBUTE_LENGTH + 1))), REFUSED),
    "members without end": (_json(b",".join(b'"a%d":1' % n for n in range(5_000))), REFUSED),
    "one member too many": (_json(b",".join(b'"a%d":1' % n for n in range(limits.MAX_ATTRIBUTES))), REFUSED),
    "deep XML": (b"<request>" * 7_000, REFUSED),
    "deep XML with an end": (_xml(b"<a>" * 5_000 + b"</a>" * 5_000), REFUSED),
    "one level too many in XML": (_xml(b"<a>" * limits.MAX_DEPTH + b"</a>" * limits.MAX_DEPTH), REFUSED),
    "deep JSON": (b'{"request":' * 5_000, REFUSED),
    "deep lists": (_json(b'"app":' + b"[" * 60_000), REFUSED),
    "deep lists with an end": (_json(b'"app":' + b"[" * 30_000 + b"]" * 30_000), REFUSED),
    "one level too many in JSON": (_json(b'"x":' + b"[" * limits.MAX_DEPTH + b"]" * limits.MAX_DEPTH), REFUSED),
    "a name twice": (_json(b'"app":[],"app":[]'), REFUSED),
    "a name twice, once escaped": (_json(b'"app":[],"\\u0061pp":[]'), REFUSED),
    "a name twice, deep in what nobody reads": (_json(b'"x":{"y":[{"a":1,"a":2}]}'), REFUSED),
    "an attribute twice": (_xml(b'<app appid="a" appid="b"/>'), REFUSED),
    "NaN": (_json(b'"x":NaN'), REFUSED),
    "infinity": (_json(b'"x":-Infinity'), REFUSED),
    "a number beyond all": (_json(b'"x":1e999'), REFUSED),
    "a huge integer": (_json(b'"x":1%b' % (b"0" * 60_000)), REFUSED),
    "an integer of 65 bits": (_json(b'"x":18446744073709551616'), REFUSED),
    "half a character": (_json(b'"version":"\\ud800"'), REFUSED),
    "NUL in JSON": (_json(b'"version":"\\u0000"'), REFUSED),
    "NUL in XML": (_xml(b'<app appid="a\x00"/>'), REFUSED),
    "NUL by reference": (_xml(b'<app appid="&#0;"/>'), REFUSED),
    "half a character by reference": (_xml(b'<app appid="&#xD800;"/>'), REFUSED),
    "NULs": (b"\x00" * 60_000, REFUSED),
    "no UTF-8 in XML": (_xml(b'<app appid="\xff\xfe"/>'), REFUSED),
    "no UTF-8 in JSON": (_json(b'"version":"\xff"'), REFUSED),
    "overlong UTF-8": (_xml(b'<app appid="\xc0\xbc"/>'), REFUSED),
    "half a character in UTF-8": (_xml(b'<app appid="\xed\xa0\x80"/>'), REFUSED),
    "UTF-7": (b'<?xml version="1.0" encoding="UTF-7"?>+ADw-request/+AD4-', REFUSED),
    "UTF-16": (_XML.format("UTF-16").encode("utf-16"), REFUSED),
    "UTF-16 without a mark": (_XML.format("UTF-16").encode("utf-16-be"), REFUSED),
    "UTF-32": (_XML.format("UTF-32").encode("utf-32"), REFUSED),
    "EBCDIC": (_XML.format("cp037").encode("cp037"), REFUSED),
    "document type in UTF-16": ((_DOCTYPE + _CHECK.decode()).encode("utf-16"), REFUSED),
    "document type in EBCDIC": ((_DOCTYPE + _CHECK.decode()).encode("cp037"), REFUSED),
    "document type after a mark": (b"\xef\xbb\xbf" + _DOCTYPE.encode() + _CHECK, REFUSED),
    "document type after two marks": (b"\xef\xbb\xbf" * 2 + _DOCTYPE.encode() + _CHECK, REFUSED),
    "document type after comments": (b"<!-- -->" * 1_000 + _DOCTYPE.encode() + _CHECK, REFUSED),
    "document type in UTF-7": (
        b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE r+AD4-' + _CHECK,
        REFUSED,
    ),
    "gzip": (gzip.compress(_CHECK, mtime=0), REFUSED),
    "gzip of a megabyte": (gzip.compress(b" " * 1_000_000, mtime=0), REFUSED),
    "deflate": (zlib.compress(_CHECK), REFUSED),
    "an open comment": (b"<!--" + b"-" * 60_000, REFUSED),
    "an open attribute": (b'<request protocol="3.0' + b"a" * 60_000, REFUSED),
    "an open text": (b'{"request":"' + b"\\\\" * 30_000, REFUSED),
    "colons": (b'{"request":{' + b'":' * 30_000, REFUSED),
    "references": (_xml(b'<app appid="%b"/>' % (b"&#38;" * 12_000)), REFUSED),
    "processing instructions": (_xml(b"<?a b?>" * 8_000), frozenset({200, 400})),
    "a form": (b"a=b&c=d", REFUSED),
    "another protocol": (b'<request protocol="2.0"><app appid="a"/></request>', REFUSED),
    "no protocol": (b"{}", REFUSED),
    "a list": (b"[]", REFUSED),
}
