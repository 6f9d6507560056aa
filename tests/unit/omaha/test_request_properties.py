"""A request is read in every dialect as what its client meant, whatever its texts are."""

import dataclasses
import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from update_core.omaha import dialects
from update_core.omaha.messages import AppRequest, Data, Event, Ping, Request, UpdateCheck

PROTOCOLS = ("3.0", "3.1", "4.0")

TEXT = st.text(
    st.sampled_from("&<>\"'\\ \t\n]{}")
    | st.characters(min_codepoint=0x20, exclude_categories=("Cs",), exclude_characters="\x7f\ufffe\uffff"),
    max_size=20,
)
COHORTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)
NUMBERS = st.none() | st.integers(-(2**63), 2**63 - 1)
PINGS = st.builds(Ping, active=st.booleans(), a=NUMBERS, r=NUMBERS, ad=NUMBERS, rd=NUMBERS, ping_freshness=TEXT)
EVENTS = st.builds(
    Event,
    eventtype=st.integers(0, 1000),
    eventresult=st.integers(0, 20),
    errorcode=NUMBERS,
    previousversion=TEXT,
    nextversion=TEXT,
    errorcat=NUMBERS,
    extracode1=NUMBERS,
)
APPS = st.builds(
    AppRequest,
    appid=TEXT,
    version=TEXT,
    track=TEXT.filter(bool),
    bootid=TEXT,
    machineid=TEXT,
    machinealias=TEXT,
    oem=TEXT,
    oemversion=TEXT,
    alephversion=TEXT,
    lang=TEXT,
    board=TEXT,
    nextversion=TEXT,
    delta_okay=st.booleans(),
    multi_manifest_ok=st.booleans(),
    ping=st.none() | PINGS,
    updatecheck=st.none()
    | st.builds(
        UpdateCheck,
        targetversionprefix=TEXT,
        rollback_allowed=st.booleans(),
        updatedisabled=st.booleans(),
        sameversionupdate=st.booleans(),
    ),
    events=st.lists(EVENTS, max_size=2).map(tuple),
    installsource=TEXT,
    cohort=COHORTS,
    cohorthint=COHORTS,
    cohortname=COHORTS,
    fp=TEXT,
    data=st.lists(st.builds(Data, name=TEXT, index=TEXT), max_size=2).map(tuple),
)
ELEMENTS = ("ping", "updatecheck", "events", "data", "cached_items")


def members(message: Any) -> dict[str, Any]:
    """What a client writes of a message: what is absent isn't written."""
    said = {field.name: getattr(message, field.name) for field in dataclasses.fields(message)}
    return {name: value for name, value in said.items() if name not in ELEMENTS and value is not None}


def in_xml(app: AppRequest) -> bytes:
    root = ET.Element("request", protocol="3.0")
    element = ET.SubElement(root, "app", attributes(app))
    for tag, values in (
        ("ping", [app.ping]),
        ("updatecheck", [app.updatecheck]),
        ("data", app.data),
        ("event", app.events),
    ):
        for value in values:
            if value is not None:
                ET.SubElement(element, tag, attributes(value))
    return ET.tostring(root)


def attributes(message: Any) -> dict[str, str]:
    return {name: str(said).lower() if isinstance(said, bool) else str(said) for name, said in members(message).items()}


def in_json(app: AppRequest, protocol: str) -> bytes:
    apps, events = ("apps", "events") if protocol == "4.0" else ("app", "event")
    said = members(app)
    for name, value in (("ping", app.ping), ("updatecheck", app.updatecheck)):
        if value is not None:
            said[name] = members(value)
    said[events] = [members(event) for event in app.events]
    said["data"] = [members(data) for data in app.data]
    return json.dumps({"request": {"protocol": protocol, apps: [said]}}).encode()


def read(body: bytes) -> Request:
    return dialects.read(body)[0]


@given(app=APPS)
def test_what_a_client_says_in_xml_is_what_is_read(app: AppRequest) -> None:
    assert read(in_xml(app)).apps == (app,)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(app=APPS)
def test_what_a_client_says_in_json_is_what_is_read(protocol: str, app: AppRequest) -> None:
    assert read(in_json(app, protocol)).apps == (app,)


@given(app=APPS)
def test_what_a_client_follows_without_a_track_is_the_same_in_every_dialect(app: AppRequest) -> None:
    app = dataclasses.replace(app, track="")
    told = {read(body).apps[0].track for body in (in_xml(app), *(in_json(app, protocol) for protocol in PROTOCOLS))}

    assert len(told) == 1
