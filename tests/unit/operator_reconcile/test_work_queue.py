"""Is every key worked on again after each change, by one worker at a time, and later and later when it fails?"""

import asyncio

import pytest

from update_operator.workqueue import WorkQueue


@pytest.fixture
async def queue():
    made = WorkQueue(jitter=lambda: 1.0, base_delay_seconds=0.02, max_delay_seconds=0.05)
    yield made
    made.close()


async def drained(queue):
    """The keys that wait, in the order in which they come."""
    found = []
    while len(queue):
        key = await queue.get()
        found.append(key)
        queue.done(key)
    return found


async def test_a_key_added_twice_comes_once(queue):
    for key in ("a", "b", "a"):
        queue.add(key)

    assert await drained(queue) == ["a", "b"]


async def test_changes_come_before_what_is_only_looked_at_again(queue):
    queue.add("counted", background=True)
    queue.add("also counted", background=True)
    queue.add("changed")
    queue.add("also counted")

    assert await drained(queue) == ["changed", "also counted", "counted"]
    assert len(queue) == 0


async def test_a_change_is_not_put_back_because_it_is_also_looked_at_again(queue):
    queue.add("counted", background=True)
    queue.add("changed")
    queue.add("changed", background=True)

    assert await drained(queue) == ["changed", "counted"]


async def test_a_key_that_changes_while_it_is_worked_on_comes_again_afterwards_and_not_meanwhile(queue):
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    queue.add("a", background=True)
    assert len(queue) == 0

    queue.done("a")
    assert await drained(queue) == ["a"]


async def test_a_waiting_worker_wakes_up(queue):
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")

    assert await asyncio.wait_for(waiting, 1) == "a"


async def test_failures_wait_longer_and_longer_until_one_succeeds(queue):
    delays = [queue.retry("a") for _ in range(4)]
    assert delays == [0.02, 0.04, 0.05, 0.05]

    queue.succeeded("a")
    assert queue.retry("a") == 0.02
    assert queue.retry("b", at_least_seconds=0.5) == 0.5


async def test_a_failed_key_comes_back_by_itself(queue):
    queue.retry("a")

    assert await asyncio.wait_for(queue.get(), 1) == "a"


async def test_the_earlier_of_two_wishes_stands(queue):
    queue.add_after("a", 0.01)
    queue.add_after("a", 60)
    queue.add_after("b", 60)
    queue.add_after("b", 0.01)

    first, second = await asyncio.wait_for(queue.get(), 1), await asyncio.wait_for(queue.get(), 1)
    assert {first, second} == {"a", "b"}
