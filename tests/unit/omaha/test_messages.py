"""Values that are no good cannot be built, and the service's date is the protocol's."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from update_core.omaha import messages
from update_core.omaha.manifests import Action, ActionEvent, Floor, Manifest, Offer, Package, PostInstall
from update_core.omaha.messages import DayStart

PAYLOAD = Package(name="update.gz", size=1, sha256=b"s" * 32)
MANIFEST = Manifest("1.1.0", (PAYLOAD,))


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda: dataclasses.replace(PAYLOAD, name=""), id="package without a name"),
        pytest.param(lambda: dataclasses.replace(PAYLOAD, name="a/b"), id="package in a folder"),
        pytest.param(lambda: dataclasses.replace(PAYLOAD, name=".."), id="package above the codebase"),
        pytest.param(lambda: dataclasses.replace(PAYLOAD, name="a\x00b"), id="package name with a NUL"),
        pytest.param(lambda: dataclasses.replace(PAYLOAD, size=0), id="empty package"),
        pytest.param(lambda: dataclasses.replace(PAYLOAD, sha1=b"s" * 32), id="SHA-1 of another length"),
        pytest.param(lambda: dataclasses.replace(PAYLOAD, sha256=b"s" * 20), id="SHA-256 of another length"),
        pytest.param(lambda: Manifest("1.1.0", ()), id="manifest without a package"),
        pytest.param(lambda: Manifest("", (PAYLOAD,)), id="manifest without a version"),
        pytest.param(
            lambda: Manifest("1", (dataclasses.replace(PAYLOAD, sha256=None),)), id="payload without a digest"
        ),
        pytest.param(lambda: Offer((), MANIFEST), id="offer without a codebase"),
        pytest.param(lambda: Offer(("https://pkgs.example.com/app",), MANIFEST), id="codebase without a final slash"),
        pytest.param(lambda: Offer(("https://pkgs.example.com/\ud800/",), MANIFEST), id="codebase with a surrogate"),
        pytest.param(lambda: PostInstall(metadata_signature_rsa="\x1b"), id="signature with an escape character"),
        pytest.param(lambda: PostInstall(deadline="\x00"), id="deadline with a NUL"),
        pytest.param(lambda: PostInstall(more_info="\x00"), id="more information with a NUL"),
        pytest.param(lambda: PostInstall(display_version="\x00"), id="version to display with a NUL"),
        pytest.param(lambda: Action(ActionEvent.INSTALL, run="\x00"), id="program to run with a NUL"),
        pytest.param(lambda: Action(ActionEvent.UPDATE, arguments="\x00"), id="arguments with a NUL"),
        pytest.param(lambda: Action(ActionEvent.INSTALL, onsuccess="\x00"), id="action on success with a NUL"),
        pytest.param(lambda: Floor(MANIFEST, reason="\x00"), id="reason of a floor with a NUL"),
        pytest.param(lambda: messages.AppResponse("a", poll_interval=0), id="poll interval of no seconds"),
        pytest.param(lambda: messages.NoUpdate("\x1b"), id="info with an escape character"),
        pytest.param(lambda: messages.AppResponse("a", cohort="\x7f"), id="cohort that isn't printable"),
        pytest.param(lambda: messages.AppResponse("a", cohorthint="ü"), id="cohort hint that isn't ASCII"),
        pytest.param(lambda: messages.AppResponse("a", cohortname="c" * 1025), id="cohort name that is too long"),
    ],
)
def test_an_offer_that_clients_would_choke_on_cannot_be_built(build: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        build()


def test_a_cohort_may_be_empty_and_as_long_as_the_protocol_allows() -> None:
    app = messages.AppResponse("a", cohort="", cohorthint=" ~" * 512)

    assert (app.cohort, len(app.cohorthint or ""), app.cohortname) == ("", 1024, None)


def test_an_image_reference_is_served_as_codebase_and_name() -> None:
    offer = Offer(("index.example.com/",), Manifest("1.2.1", (dataclasses.replace(PAYLOAD, name="webapp:1.2.1"),)))

    assert offer.urls[0] + offer.manifest.packages[0].name == "index.example.com/webapp:1.2.1"


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(datetime(2007, 1, 1, tzinfo=UTC), DayStart(0, 0), id="day zero"),
        pytest.param(datetime(2007, 1, 1, 23, 59, 59, 999999, tzinfo=UTC), DayStart(0, 86399), id="its last second"),
        pytest.param(datetime(2026, 11, 23, 7, 20, tzinfo=UTC), DayStart(7266, 26400), id="a later day"),
        pytest.param(
            datetime(2026, 11, 24, 1, 20, tzinfo=timezone(timedelta(hours=18))), DayStart(7266, 26400), id="elsewhere"
        ),
    ],
)
def test_the_day_is_counted_in_utc_since_2007(now: datetime, expected: DayStart) -> None:
    assert messages.day_start(now) == expected


def test_a_time_without_a_zone_has_no_day() -> None:
    with pytest.raises(TypeError):
        messages.day_start(datetime(2026, 1, 1))  # noqa: DTZ001 (the mistake under test)
