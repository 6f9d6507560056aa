"""Many fake clients over real sockets: they end when they should, and say how it went."""

import asyncio
import os
import signal
import socket
import sys

from support import scripted_omaha
from support.command_line import clean_environment
from support.scripted_omaha import NO_UPDATE, Told, offer
from updatectl.fakeclients import fleet, wire
from updatectl.fakeclients.client import Behaviour

FAST = Behaviour(min_sleep=0.0, max_sleep=0.02, error_rate=-1, step=0.0)
ARGUMENTS = ("-m", "0", "-M", "0.02", "--step", "0", "a.b", "master", "1.0.0")


def plan(clients: int, **changes) -> fleet.Plan:
    return fleet.Plan(
        **{"app_id": "a.b", "track": "t", "version": "1.0.0", "clients": clients, "behaviour": FAST} | changes
    )


def offer_below(version: str):
    return lambda told: NO_UPDATE if told.version == version else offer(version)


async def started(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "updatectl", "fakeclients", *arguments),
        env=clean_environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_a_thousand_clients_in_one_process_all_get_there():
    async with scripted_omaha.serving(offer_below("1.1.0")) as omaha, wire.connect(omaha.url) as post:
        summary = await fleet.run(plan(1000, until_version="1.1.0", timeout_seconds=120), post, lambda _: None)

    assert summary.reached is True
    assert summary.versions == {"1.1.0": 1000}
    assert (summary.updates, summary.failures, summary.unanswered) == (1000, 0, 0)
    assert {told.machine for told in omaha.told if told.what == "3:2"} == {
        f"{{fake-client-{n:03d}}}" for n in range(1000)
    }


async def test_a_version_that_never_comes_ends_with_the_time():
    async with scripted_omaha.serving(lambda _: NO_UPDATE) as omaha, wire.connect(omaha.url) as post:
        summary = await fleet.run(plan(3, until_version="1.1.0", timeout_seconds=0.3), post, lambda _: None)

    assert summary.reached is False
    assert str(summary).splitlines()[0] == "3 clients: 3 on 1.0.0"


async def test_clients_are_told_apart_by_seed_and_number():
    async def boots(seed: int) -> set[str]:
        async with scripted_omaha.serving(lambda _: NO_UPDATE) as omaha, wire.connect(omaha.url) as post:
            await fleet.run(plan(5, seed=seed, until_version="9", timeout_seconds=0.3), post, lambda _: None)
        return {told.boot for told in omaha.told}

    one, again, other = await boots(3), await boots(3), await boots(4)
    assert one == again
    assert len(one | other) == 10


async def test_the_command_prints_the_guides_lines_and_ends_by_itself():
    def once(told: Told) -> str:
        seen = sum(other.machine == told.machine for other in omaha.told)
        return NO_UPDATE if seen == 1 or told.version == "1.1.0" else offer("1.1.0")

    async with scripted_omaha.serving(once) as omaha:
        bounds = ("--until-version", "1.1.0", "--timeout", "60", "--errorrate", "-1", "--omaha-url", omaha.url)
        process = await started("-c", "3", *bounds, *ARGUMENTS)
        output, errors = await process.communicate()

    lines = output.decode().splitlines()
    assert (process.returncode, errors) == (0, b"")
    assert {line for line in lines if "updated" in line} == {
        f"{{fake-client-00{n}}}: updated from 1.0.0 to 1.1.0" for n in range(3)
    }
    assert "{fake-client-000}: noupdate" in lines
    assert lines[-2] == "3 clients: 3 on 1.1.0"
    assert lines[-1].startswith("3 updates, 0 failures, ")


async def test_the_command_fails_if_the_version_is_not_reached_in_time():
    async with scripted_omaha.serving(lambda _: NO_UPDATE) as omaha:
        bounds = ("--until-version", "1.1.0", "--timeout", "0.5", "--omaha-url", omaha.url)
        process = await started("-c", "2", *bounds, *ARGUMENTS)
        _, errors = await process.communicate()

    assert process.returncode == 1
    assert errors.decode() == "updatectl: not every client reached 1.1.0 within 0.5 s\n"


async def test_ctrl_c_and_sigterm_end_it_with_a_summary():
    async with scripted_omaha.serving(lambda _: NO_UPDATE) as omaha:
        for number in (signal.SIGINT, signal.SIGTERM):
            process = await started("-c", "2", "--omaha-url", omaha.url, *ARGUMENTS)
            assert process.stdout
            assert b"noupdate" in await process.stdout.readline()
            os.kill(process.pid, number)
            output, errors = await process.communicate()

            assert (process.returncode, errors) == (0, b"")
            assert b"2 clients: 2 on 1.0.0" in output


async def test_a_service_that_is_not_there_is_named_and_asked_again():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        lines: list[str] = []
        async with wire.connect(url) as post:
            summary = await fleet.run(plan(2, until_version="9", timeout_seconds=0.5), post, lines.append)

    assert sorted(lines) == [
        f"{{fake-client-00{n}}}: cannot connect to {url}/v1/update/: Connection refused; trying again" for n in range(2)
    ]
    assert summary.unanswered == 2


async def test_a_service_in_trouble_is_named_with_its_status():
    lines: list[str] = []
    async with scripted_omaha.serving(lambda _: 503) as omaha, wire.connect(omaha.url) as post:
        await fleet.run(plan(1, until_version="9", timeout_seconds=0.5), post, lines.append)

    assert lines == ["{fake-client-000}: HTTP 503 scripted trouble; trying again"]
