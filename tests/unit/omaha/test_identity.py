"""Which application, which instance."""

import pytest

from update_core.omaha import identity
from update_core.omaha.messages import AppRequest, Request

UUID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        pytest.param(UUID, UUID, id="canonical"),
        pytest.param("{" + UUID + "}", UUID, id="braces"),
        pytest.param("{" + UUID.upper() + "}", UUID, id="braces and upper case"),
        pytest.param("io.Kinvolk.Demo_App-2", "io.kinvolk.demo_app-2", id="reverse DNS"),
        pytest.param("{io.kinvolk.demo}", "io.kinvolk.demo", id="reverse DNS in braces"),
        pytest.param("a" * 255, "a" * 255, id="longest"),
        pytest.param("{" + "a" * 255 + "}", "a" * 255, id="longest in braces"),
        pytest.param("a" * 256, None, id="too long"),
        pytest.param("", None, id="empty"),
        pytest.param("{}", None, id="braces alone"),
        pytest.param("{" + UUID, None, id="one brace"),
        pytest.param("{{" + UUID + "}}", None, id="two pairs of braces"),
        pytest.param("a b", None, id="space"),
        pytest.param(UUID + "\n", None, id="line feed"),
        pytest.param("a/b", None, id="slash"),
        pytest.param("\u212ainvolk", None, id="the Kelvin sign, a k in lower case"),
    ],
)
def test_an_app_id_has_one_canonical_form_or_none(sent: str, canonical: str | None) -> None:
    assert identity.canonical_app_id(sent) == canonical


@pytest.mark.parametrize(
    ("machineid", "userid", "expected"),
    [
        pytest.param("machine", "user", "machine", id="machineid first"),
        pytest.param("", "user", "user", id="userid else"),
        pytest.param("", "", None, id="neither"),
        pytest.param("{Fake-client-000} ", "", "{Fake-client-000} ", id="byte for byte"),
        pytest.param("ü" * 64, "", "ü" * 64, id="128 bytes"),
        pytest.param("ü" * 64 + "x", "", None, id="129 bytes in 65 characters"),
        pytest.param("x" * 129, "user", None, id="too long, though there is a userid"),
    ],
)
def test_an_instance_is_known_by_its_machine_then_by_its_user(
    machineid: str, userid: str, expected: str | None
) -> None:
    assert identity.instance_id(Request("3.0", userid=userid), AppRequest("a", machineid=machineid)) == expected
