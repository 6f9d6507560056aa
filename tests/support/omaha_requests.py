"""Requests as clients of each dialect write them, put together from what a test wants to say."""

import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

UPDATECHECK = "<updatecheck/>"
PING = '<ping active="1"/>'
ACCEPTED = "download,xz,zucc,puff,crx3,run"
"""The operations that Chromium's updater can carry out."""


def xml(*apps: str, **attributes: str) -> bytes:
    """A request in XML 3.0; `protocol` may be another."""
    words = _words({"protocol": "3.0", "version": "t", **attributes})
    return f"<request{words}>{''.join(apps)}</request>".encode()


def xml_app(appid: str, *children: str, version: str = "1.0.0", track: str = "fake1", **attributes: str) -> str:
    """One application of it; without children it asks for an update."""
    words = _words({"appid": appid, "version": version, "track": track, **attributes})
    return f"<app{words}>{''.join(children or (UPDATECHECK,))}</app>"


def xml_check(appid: str, *children: str, installsource: str = "scheduler", **attributes: str) -> bytes:
    """A request of one application."""
    return xml(xml_app(appid, *children, **attributes), installsource=installsource)


def xml_event(eventtype: int | str, eventresult: int | str = 1, **attributes: str) -> str:
    """An event."""
    words = _words({"eventtype": str(eventtype), "eventresult": str(eventresult), **attributes})
    return f"<event{words}/>"


def in_json(protocol: str, *apps: Mapping[str, Any], **members: Any) -> bytes:
    """A request in JSON of this protocol version."""
    listed = {"apps" if protocol == "4.0" else "app": list(apps)}
    return json.dumps({"request": {"protocol": protocol, "acceptformat": ACCEPTED, **listed, **members}}).encode()


def json_app(appid: str, **members: Any) -> dict[str, Any]:
    """One application of it, which asks for an update; a member that is None is left out."""
    every = {"appid": appid, "version": "1.0.0", "track": "fake1", "ping": {"rd": -1}, "updatecheck": {}, **members}
    return {name: value for name, value in every.items() if value is not None}


def json_check(protocol: str, appid: str, **members: Any) -> bytes:
    """A request of one application."""
    return in_json(protocol, json_app(appid, **members))


def check(protocol: str, appid: str, **members: Any) -> bytes:
    """A request of one application in XML ("xml") or in JSON of a protocol version, with attributes that both have."""
    return xml_check(appid, **members) if protocol == "xml" else json_check(protocol, appid, **members)


def _words(attributes: Mapping[str, str]) -> str:
    return "".join([f" {name}={quoteattr(value)}" for name, value in attributes.items()])
