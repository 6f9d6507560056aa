"""One fake client against a script: what it says, what it sends and in which order, pause for pause."""

import asyncio
import itertools
import random

import pytest

from support import scripted_omaha
from support.scripted_omaha import NO_UPDATE, offer
from updatectl.fakeclients import messages, wire
from updatectl.fakeclients.client import Behaviour, Client, World

MACHINE = "{fake-client-000}"
NEVER, ALWAYS = -1, 100


class Stage:
    """Runs a client for a number of rounds without waiting; keeps what it said, sent and slept."""

    def __init__(self, *answers: str | int | Exception, version: str = "1.0.0", seed: int = 1, **behaviour):
        self._answers = list(answers)
        self.omaha = scripted_omaha.Omaha(lambda _: self._next())
        self.lines: list[str] = []
        self.sleeps: list[float] = []
        self.now = 0.0
        self.client = Client(
            identity=messages.Identity("a.b", "master", MACHINE, "fakeclient"),
            version=version,
            behaviour=Behaviour(**{"error_rate": NEVER} | behaviour),
            world=World(post=self._post, sleep=self._sleep, now=lambda: self.now, say=self.lines.append),
            chance=random.Random(seed),
        )

    async def play(self, rounds: int) -> "Stage":
        done = asyncio.Event()
        remaining = rounds

        def on_check() -> None:
            nonlocal remaining
            remaining -= 1
            if remaining == 0:
                done.set()
                raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await self.client.run(on_check)
        assert done.is_set()
        return self

    def _next(self) -> str | int:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _post(self, request: str) -> bytes:
        answer = self.omaha.respond(request.encode())
        if isinstance(answer, int):
            raise wire.Unanswered(f"HTTP {answer}", retry_after=7.0 if answer == 429 else None)
        return answer.encode()

    async def _sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


async def test_without_an_update_it_says_so_and_sleeps_again():
    stage = await Stage(NO_UPDATE, NO_UPDATE, min_sleep=1, max_sleep=2).play(2)

    assert stage.lines == [f"{MACHINE}: noupdate"] * 2
    assert stage.omaha.of(MACHINE) == ["check", "check"]
    assert all(1 <= pause < 2 for pause in stage.sleeps)


async def test_an_update_is_reported_step_by_step_and_then_run():
    stage = await Stage(offer("1.1.0"), NO_UPDATE, min_sleep=5, max_sleep=5, step=0.25).play(2)

    assert stage.omaha.of(MACHINE) == ["check", "13:1", "14:1", "3:1", "3:2", "check"]
    assert stage.lines == [f"{MACHINE}: updated from 1.0.0 to 1.1.0", f"{MACHINE}: noupdate"]
    assert stage.sleeps == [5, 0.25, 0.25, 0.25, 5]
    told = stage.omaha.told
    assert [t.version for t in told] == ["1.0.0"] * 4 + ["1.1.0"] * 2
    assert told[0].boot == told[3].boot != told[4].boot == told[5].boot
    assert (stage.client.tally.updates, stage.client.tally.failures, stage.client.settled) == (1, 0, True)


async def test_a_failed_step_is_reported_repeated_and_leaves_the_old_version():
    stage = await Stage(offer("1.1.0"), min_sleep=3, max_sleep=3, error_rate=ALWAYS).play(1)

    assert stage.omaha.of(MACHINE) == ["check", "3:0:2000", "13:1"]
    assert stage.lines == [f"{MACHINE}: failed to update in eventType: 13, eventResult: 1. Retrying."]
    assert stage.sleeps == [3, 3]
    assert stage.client.version == "1.0.0"
    assert (stage.client.tally.updates, stage.client.tally.failures) == (0, 1)


async def test_it_fails_in_one_more_of_a_hundred_than_it_is_told():
    async def failures(error_rate: int) -> int:
        stage = Stage(*[offer("2.0.0")] * 600, error_rate=error_rate, min_sleep=0, max_sleep=0)
        return (await stage.play(600)).client.tally.failures

    # Three steps, each failing in 10 of 100 cases: 27.1 of 100 attempts; in 1 of 100: 3 of 100.
    assert 130 < await failures(9) < 200
    assert 8 < await failures(0) < 32
    assert await failures(-1) == 0


async def test_pings_hold_the_old_version_before_the_new_one_is_reported():
    stage = await Stage(offer("1.1.0"), ping_only=2).play(1)

    assert stage.omaha.of(MACHINE) == ["check", "13:1", "14:1", "3:1", "ping", "ping", "3:2"]
    assert [t.version for t in stage.omaha.told][-3:] == ["1.0.0", "1.0.0", "1.1.0"]


async def test_an_application_that_is_not_known_is_said_and_nothing_is_done():
    answer = messages.read(b'<response><app appid="x" status="error-unknownApplication"/></response>')

    assert answer == messages.Answer("error-unknownApplication")


async def test_trouble_is_said_once_and_it_comes_back_later_and_later():
    stage = await Stage(503, 503, 503, 503, NO_UPDATE, min_sleep=1, max_sleep=1).play(5)

    assert stage.lines == [f"{MACHINE}: HTTP 503; trying again", f"{MACHINE}: noupdate"]
    pauses = stage.sleeps[1:]
    assert all(later > 1.2 * earlier for earlier, later in itertools.pairwise(pauses))
    assert stage.client.tally.unanswered == 4


async def test_trouble_that_lasts_is_said_again_and_never_waited_out_longer_than_a_minute_and_a_quarter():
    stage = await Stage(*[503] * 20, min_sleep=1, max_sleep=1).play(20)

    assert 5 < len(stage.lines) < 20
    assert max(stage.sleeps) <= 75


async def test_it_waits_as_long_as_the_service_asks():
    stage = await Stage(429, NO_UPDATE, min_sleep=1, max_sleep=1).play(2)

    assert stage.sleeps[1] >= 7


async def test_after_the_trouble_it_checks_as_often_as_before():
    stage = await Stage(503, NO_UPDATE, NO_UPDATE, min_sleep=1, max_sleep=1).play(3)

    assert stage.sleeps[2] == 1


async def test_an_answer_that_is_not_omahas_is_trouble_not_the_end():
    stage = await Stage("<nothing/>", NO_UPDATE).play(2)

    assert stage.lines == [f"{MACHINE}: the answer has no update check; trying again", f"{MACHINE}: noupdate"]


async def test_the_same_seed_and_answers_make_the_same_client():
    answers = [NO_UPDATE, offer("1.1.0"), NO_UPDATE, offer("1.2.0"), offer("1.3.0")]
    one, same, other = [await Stage(*answers, seed=seed, error_rate=30).play(5) for seed in (7, 7, 8)]

    assert (one.sleeps, one.omaha.told, one.lines) == (same.sleeps, same.omaha.told, same.lines)
    assert one.sleeps != other.sleeps


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html><body>hello</body></html>", id="page"),
        pytest.param(b"<response><app>", id="cut-off"),
        pytest.param(b'<response><app status="ok"/></response>', id="no-updatecheck"),
        pytest.param(b'<response><app status="ok"><updatecheck status="ok"/></app></response>', id="no-version"),
        pytest.param(b"\xff\xfe\x00", id="bytes"),
    ],
)
def test_what_is_no_answer_is_unreadable(body):
    with pytest.raises(messages.Unreadable):
        messages.read(body)


def test_what_it_sends_survives_odd_characters():
    identity = messages.Identity('a"b', "<t>", MACHINE, "x&y")

    told = scripted_omaha.read(messages.check(identity, '1"0', "b").encode())
    assert (told.machine, told.version, told.what) == (MACHINE, '1"0', "check")
    assert messages.check(identity, "1", "b").startswith('<request protocol="3.0"')


@pytest.mark.parametrize(
    "given",
    ["http://o:8080", "http://o:8080/", "http://o:8080/v1/update", "http://o:8080/v1/update/"],
)
def test_the_services_address_may_have_the_path_or_not(given):
    assert wire.update_url(given) == "http://o:8080/v1/update/"
