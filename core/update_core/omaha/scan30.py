"""Which XML requests say what an earlier one said, from another instance? They needn't be parsed again.

Instances of a fleet send the same document, each with ids of its own. So a request is cut at its ids; what remains is its form. A form is
learned from the XML reader, never from a grammar of our own: `xml30` reads the request, and the form with made-up ids, and only if the two
differ in nothing but the ids are later requests of this form read by cutting alone. Everything else is the XML reader's.
"""

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

from update_core.omaha import xml30
from update_core.omaha.errors import BadRequest
from update_core.omaha.messages import Request

MAX_SCANNED_BYTES = 2048
"""Longest request that is scanned; real ones have less than 1 KiB."""

MAX_FORMS = 8192
"""Forms that are remembered: a fleet has about one per client, version, group and kind of machine. Some 3 KiB each."""

# An id between double quotes, of characters that mean themselves wherever in a document they stand: replacing one by another can't change
# what is markup. Any other id isn't cut out, and makes a form of its own.
_ID = re.compile(rb'( (?:machineid|bootid|userid|sessionid|requestid)=")([-A-Za-z0-9._{}]{1,128})(?=")')

_OF_REQUEST = ("userid", "sessionid", "requestid")
_OF_APP = ("machineid", "bootid")

FormKey = tuple[bytes, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """A request but for its ids. `places` tells which of the cut ids (0 is the first) each field takes."""

    model: Request
    """The request with made-up ids."""
    places: dict[str, int]

    def request(self, ids: list[bytes]) -> Request:
        """The request with these ids."""

        def told(name: str, otherwise: str) -> str:
            place = self.places.get(name)
            return otherwise if place is None else ids[place].decode()

        model, apps = self.model, self.model.apps
        if apps:
            first = apps[0]
            machineid, bootid = told("machineid", first.machineid), told("bootid", first.bootid)
            apps = (replace(first, machineid=machineid, bootid=bootid), *apps[1:])
        return replace(
            model,
            apps=apps,
            userid=told("userid", model.userid),
            sessionid=told("sessionid", model.sessionid),
            requestid=told("requestid", model.requestid),
        )


class Scanned(NamedTuple):
    """A request of a known form, with the ids that were cut out, in their order."""

    form: Form
    ids: list[bytes]

    @property
    def request(self) -> Request:
        """The request, exactly as the XML reader reads it."""
        return self.form.request(self.ids)


class Forms:
    """The forms that were learned so far."""

    def __init__(self, *, max_forms: int = MAX_FORMS) -> None:
        self._forms: dict[FormKey, Form] = {}
        self._max_forms = max_forms

    def scan(self, body: bytes) -> Scanned | None:
        """The request that `body` is if its form is known; None says nothing about the body."""
        if len(body) > MAX_SCANNED_BYTES:
            return None
        key, ids = _cut(body)
        form = self._forms.get(key)
        return None if form is None else Scanned(form, ids)

    def learn(self, body: bytes, request: Request) -> None:
        """Remember the form of a body that was read by the XML reader as `request`, unless nothing can be told from its form."""
        if len(body) > MAX_SCANNED_BYTES:
            return
        key, ids = _cut(body)
        form = _form(key, len(ids))
        made_up = set(map(_made_up, range(len(ids))))
        # Ids that happen to be the made-up ones would prove nothing.
        if form is not None and made_up.isdisjoint(ids) and form.request(ids) == request:
            # Starting over keeps no place for forms that nobody sends any more, and costs what it costs after a start.
            if len(self._forms) >= self._max_forms:
                self._forms.clear()
            self._forms[key] = form

    def __len__(self) -> int:
        """How many forms are remembered."""
        return len(self._forms)


def _cut(body: bytes) -> tuple[FormKey, list[bytes]]:
    # What is between the ids, and each id's name as a piece of its own: text, name, id, text, name, id, text.
    pieces = _ID.split(body)
    ids = pieces[2::3]
    del pieces[2::3]
    return tuple(pieces), ids


def _form(key: FormKey, count: int) -> Form | None:
    made_up = [_made_up(place) for place in range(count)]
    pieces = list(key)
    pieces[1::2] = [name + made for name, made in zip(key[1::2], made_up, strict=True)]
    try:
        model = xml30.read_request(b"".join(pieces))
    except BadRequest:
        return None
    read = [(name, getattr(model, name)) for name in _OF_REQUEST]
    read += [(name, getattr(app, name)) for app in model.apps[:1] for name in _OF_APP]
    place_of = {made.decode(): place for place, made in enumerate(made_up)}
    places = {name: place_of[text] for name, text in read if text in place_of}
    # Only where an id is a value that was read does any plain text stand for any other: "--" is plain, and not allowed in a comment.
    return Form(model, places) if set(places.values()) == set(range(count)) else None


def _made_up(place: int) -> bytes:
    return b"made-up-%d" % place
