"""Requests that nobody sent, in every dialect: what one says is drawn first, then written as each dialect writes it, then damaged.

So a draw reaches what lies behind the reading, which bytes drawn at random hardly ever do.
"""

import json
from typing import Any
from xml.sax.saxutils import quoteattr

from hypothesis import strategies as st

from support import fuzz_catalog

APP_IDS = st.sampled_from(
    [
        fuzz_catalog.OFFERED,
        f"{{{fuzz_catalog.OFFERED.upper()}}}",
        fuzz_catalog.PAUSED,
        fuzz_catalog.LIMITED,
        fuzz_catalog.SEMVER,
        "io.example.nobody",
        "{no id}",
        "ü",
    ]
)
TEXTS = st.sampled_from(["", "a", "qemu", "a&b<c>\"'", "ü", "\t\n", "made-up-0", "x" * 300]) | st.text(
    st.characters(min_codepoint=0x20, exclude_categories=("Cs",), exclude_characters="\ufffe\uffff\x7f"), max_size=12
)
VERSIONS = st.sampled_from(
    ["1.0.0", "1.1.0", "1.1", "", "0.0.0.0", "120.0.6099.5", "3340.0.0+nightly", "x", "4294967296", "-1"]
)
NUMBERS = st.sampled_from(
    ["0", "1", "2", "3", "13", "800", "-1", "2147483648", "268435490", "9" * 19, "9" * 25, "x", "", "1.0"]
)
FLAGS = st.sampled_from(["true", "false", "1", "0", "True", "", "yes"])


def _some(**values: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({}, optional=values)


PINGS = _some(active=FLAGS, a=NUMBERS, r=NUMBERS, ad=NUMBERS, rd=NUMBERS, ping_freshness=TEXTS)
CHECKS = _some(targetversionprefix=VERSIONS, rollback_allowed=FLAGS, updatedisabled=FLAGS, sameversionupdate=FLAGS)
EVENTS = _some(
    eventtype=NUMBERS,
    eventresult=NUMBERS,
    errorcode=NUMBERS,
    extracode1=NUMBERS,
    previousversion=VERSIONS,
    nextversion=VERSIONS,
)
DATA = _some(name=st.sampled_from(["install", "untrusted", "", "other"]), index=TEXTS)
SYSTEMS = _some(platform=TEXTS, version=TEXTS, sp=TEXTS, arch=st.sampled_from(["x64", "x86_64", "arm64", ""]))
APPS = st.builds(
    lambda appid, said, children: (appid, said, children),
    APP_IDS,
    _some(
        version=VERSIONS, track=st.sampled_from(["fake1", "stable", "", "other"]), machineid=TEXTS, bootid=TEXTS, oem=TEXTS,
        machinealias=TEXTS, board=st.sampled_from(["amd64-usr", "arm64-usr"]), installsource=st.sampled_from(["ondemand", "scheduler"]),
        delta_okay=FLAGS, multi_manifest_ok=FLAGS, cohort=TEXTS, cohorthint=TEXTS, cohortname=TEXTS, lang=TEXTS, fp=TEXTS,
    ),
    st.fixed_dictionaries({}, optional={"ping": PINGS, "updatecheck": CHECKS}),
)  # fmt: skip
REQUESTS = st.fixed_dictionaries(
    {
        "said": _some(
            version=TEXTS, updaterversion=TEXTS, userid=TEXTS, sessionid=TEXTS, requestid=TEXTS, ismachine=FLAGS,
            installsource=st.sampled_from(["scheduler", "ondemandupdate", "ondemand", ""]),
        ),
        "os": st.none() | SYSTEMS,
        "apps": st.lists(st.tuples(APPS, st.lists(EVENTS, max_size=3), st.lists(DATA, max_size=2)), max_size=3),
    }
)  # fmt: skip


def in_xml(request: dict[str, Any]) -> bytes:
    """The request as the CoreOS line and Omaha 3 write it."""
    inside = "" if request["os"] is None else _element("os", request["os"])
    for (appid, said, children), events, data in request["apps"]:
        parts = [_element(name, attributes) for name, attributes in children.items()]
        parts += [_element("event", event) for event in events] + [_element("data", item) for item in data]
        inside += _element("app", {"appid": appid, **said}, "".join(parts))
    return _element("request", {"protocol": "3.0", **request["said"]}, inside).encode()


def _element(name: str, attributes: dict[str, str], inside: str = "") -> str:
    said = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{said}>{inside}</{name}>" if inside else f"<{name}{said}/>"


def in_json(request: dict[str, Any], protocol: str) -> bytes:
    """The request as the three dialects of JSON write it; what looks like a number or a yes is one in half of the places."""
    apps_name, events_name = ("apps", "events") if protocol == "4.0" else ("app", "event")
    apps = []
    for (appid, said, children), events, data in request["apps"]:
        typed = {name: _typed(members) for name, members in children.items()}
        app = {"appid": appid, **said, **typed, events_name: [_typed(event) for event in events], "data": data}
        apps.append(app)
    members = {"protocol": protocol, **request["said"], apps_name: apps}
    if request["os"] is not None:
        members["os"] = request["os"]
    return json.dumps({"request": members}, ensure_ascii=len(apps) % 2 == 0).encode()


def _typed(members: dict[str, str]) -> dict[str, Any]:
    def typed(name: str, value: str) -> Any:
        if value in {"true", "false"}:
            return value == "true"
        return int(value) if value.lstrip("-").isdecimal() and "version" not in name and len(value) < 19 else value

    return {name: typed(name, value) for name, value in members.items()}


WELL_FORMED = st.one_of(
    REQUESTS.map(in_xml),
    *(REQUESTS.map(lambda said, protocol=protocol: in_json(said, protocol)) for protocol in ("3.0", "3.1", "4.0")),
)

JUNK = st.sampled_from(
    [
        *(
            b"",
            b"\x00",
            b"\xff",
            b'"',
            b"<",
            b"&",
            b"&#0;",
            b"]]>",
            b"<!--",
            b"<!DOCTYPE x>",
            b"{",
            b"}",
            b"[",
            b":",
            b",",
        ),
        *(
            b"\\u0000",
            b"\\ud800",
            b"NaN",
            b"1e999",
            b"\xef\xbb\xbf",
            b" " * 100,
            b'"a":1,"a":2,',
            b"<app/>",
            b' appid="b"',
        ),
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A request of which some pieces are cut out, repeated, or replaced by junk."""
    body = draw(WELL_FORMED)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 40)))
        body = body[:start] + draw(JUNK | st.just(body[start:end] * 2) | st.binary(max_size=6)) + body[end:]
    return body
