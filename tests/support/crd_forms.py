"""What is a case of a CRD's rule: values that pass and that don't, of the forms that several fields have."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Form:
    """Values of a field that pass and that don't."""

    accepted: tuple[Any, ...]
    refused: tuple[Any, ...]


@dataclass(frozen=True)
class Change:
    """A field's value and what it can't become; None: the field isn't there."""

    before: Any
    refused: tuple[Any, ...]


NAMES = Form(("webapp", "web-app.example", "0"), ("", "Webapp", "web_app", "-webapp", "web..app", "webapp."))
VERSIONS = Form(
    (
        *("1.2.3", "1.2.3-beta.1+build.5", "0.0.0", "3340.0.0+nightly-20260101", "99999999999.0.0"),
        *("1", "1.2", "01.2", "120.0.6099.5", "4294967295.0.0.4294967295"),
    ),
    (
        "",
        "v1.2.3",
        "1.2.3.4.5",
        "1.2.3-",
        "1.2.3-01",
        "1.2-beta",
        "4294967296.1",
        "1.2.3.4294967296",
        "99999999999999999999",
        "1.2.3 ",
        "1..2",
    ),
)
ONE_LINE = Form(("now", "/quiet --all", "Überblick 漢字"), ("two\nlines", "bell\x07"))
