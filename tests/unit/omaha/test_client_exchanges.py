"""An answer that is no answer to what was asked is rejected, and so is one that its own client alone would choke on."""

import pathlib
from collections.abc import Callable

import pytest

from support import omaha_clients_all
from support.clients import nebraska
from support.clients.acceptance import Rejected

GOLDEN = pathlib.Path(__file__).parent / "golden"
SHA256 = "b602d630f0a081840d0ca8fc4d35810e42806642b31279bb02d65c3df227d0f5"
FLOOR = ' is_floor="true" floor_reason="the new partition table"'
FLOORS = (GOLDEN / "nebraska-syncer-floors-offer.response.xml").read_text()


def cut(start: str, end: str) -> Callable[[str], str]:
    """Leaves out what is between the first `start` and the next `end`, both included."""

    def without(text: str) -> str:
        before, found, rest = text.partition(start)
        assert found
        assert end in rest
        return before + rest.partition(end)[2]

    return without


def swap(old: str, new: str) -> Callable[[str], str]:
    def swapped(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return swapped


def hand_over(name: str, answer: str) -> None:
    """Have the client that sent the golden request of this name take `answer`."""
    (sent,) = GOLDEN.glob(f"{name}.request.*")
    content_type = "application/json" if sent.suffix == ".json" else "text/xml; charset=utf-8"
    omaha_clients_all.assert_accepted(sent.read_bytes(), answer.encode(), content_type)


def golden(name: str) -> str:
    (answer,) = GOLDEN.glob(f"{name}.response.*")
    return answer.read_text()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        pytest.param("update-engine-offer", swap("<ping", "<pong"), id="no ping"),
        pytest.param("update-engine-offer", cut("<event", "/>"), id="no event"),
        pytest.param("update-engine-started", swap("<event", "<updatecheck status='noupdate'/><event"), id="unasked"),
        pytest.param("update-engine-offer", swap("</app>", "</app><app appid='b' status='ok'/>"), id="another app"),
        pytest.param("update-engine-offer", swap("<manifest ", f"<manifest {FLOOR}"), id="a floor for who knows none"),
        pytest.param("nebraska-syncer-noupdate", swap("<updatecheck", "<other"), id="syncer: no updatecheck"),
        pytest.param("omaha3-update-offer", cut(' cohort="', '"'), id="Omaha 3: its cohort is lost"),
        pytest.param("omaha3-install-offer", cut("<data", "/>"), id="Omaha 3: data without an answer"),
        pytest.param(
            "omaha3-install-offer",
            swap('name="untrusted" status="ok"', 'name="untrusted" status="error-invalidargs"'),
            id="Omaha 3: untrusted data that isn't taken",
        ),
        pytest.param("omaha3-install-data-offer", swap('"verboselogging"', '"other"'), id="Omaha 3: another index"),
        pytest.param("omaha3-install-offer", cut('<action event="update"', "/>"), id="Omaha 3: nothing for an update"),
        pytest.param("omaha3-install-offer", swap(f'hash_sha256="{SHA256}"', ""), id="Omaha 3: no digest"),
        pytest.param("omaha3-install-offer", swap('size="23"', f'size="{2**31}"'), id="Omaha 3: a size beyond 31 bits"),
        pytest.param("omaha3-install-offer", swap('"https://mirror', '"mirror'), id="Omaha 3: an image reference"),
        pytest.param("omaha3-install-offer", swap("</manifest>", "</manifest><manifest/>"), id="Omaha 3: manifests"),
        pytest.param("omaha3-two-apps-noupdate", swap('"noupdate"', '"later"'), id="Omaha 3: unknown status"),
    ],
)
def test_an_answer_in_xml_is_rejected_by_the_client_that_asked(name: str, change: Callable[[str], str]) -> None:
    changed = change(golden(name))

    with pytest.raises(Rejected):
        hand_over(name, changed)


@pytest.mark.parametrize("name", ["chromium31-install-offer", "chromium40-install-offer"])
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(cut(',"data":[', "]"), id="data without an answer"),
        pytest.param(swap('"name":"untrusted",', ""), id="data without a name"),
        pytest.param(swap('"name":"untrusted","status":"ok"', '"name":"untrusted"'), id="data without a status"),
        pytest.param(swap('"cohortname":"Stable"', '"cohortname":7'), id="a cohort's name that is no text"),
    ],
)
def test_an_answer_in_json_is_rejected_by_the_client_that_asked(name: str, change: Callable[[str], str]) -> None:
    changed = change(golden(name))

    with pytest.raises(Rejected):
        hand_over(name, changed)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(swap(FLOOR, ""), id="a floor that isn't marked"),
        pytest.param(swap(FLOOR, FLOOR + ' is_target="true"'), id="a floor that is marked as the target"),
        pytest.param(swap(' is_target="true"', ""), id="no target"),
        pytest.param(swap('"1.0.7"', '"1.0.3"'), id="a version twice"),
        pytest.param(
            swap(
                '<actions><action event="postinstall"', '<actions><action event="install"/><action event="postinstall"'
            ),
            id="another action before postinstall",
        ),
        pytest.param(cut("<urls>", "</urls>"), id="no urls"),
        pytest.param(swap('hash="+LXvjiaPkeYDLHoNKlf9qbJwvnk="', 'hash="f8b5ef8e"'), id="a hexadecimal hash"),
        pytest.param(swap(SHA256, SHA256.upper()), id="a digest in capitals"),
        pytest.param(swap('status="ok"><urls', 'status="noupdate"><urls'), id="manifests without an update"),
    ],
)
def test_nebraskas_syncer_rejects_what_it_would_copy_wrongly(change: Callable[[str], str]) -> None:
    assert len(nebraska.syncer(FLOORS.encode())) == 3

    with pytest.raises(Rejected):
        nebraska.syncer(change(FLOORS).encode())


@pytest.mark.parametrize("name", sorted(path.name.partition(".")[0] for path in GOLDEN.glob("*.request.*")))
def test_every_golden_answer_is_accepted_by_whoever_could_have_asked(name: str) -> None:
    hand_over(name, golden(name))
