"""Tasks that live and die together: when one ends, whoever waits looks why, and all end before the block does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

Task = asyncio.Task[Any]


class TaskGroup:
    """Unlike asyncio's own, a member that ends is an event to wait for, not something to wait out."""

    def __init__(self) -> None:
        self.all: set[Task] = set()

    def start(self, name: str, coroutine: Coroutine[Any, Any, Any]) -> Task:
        """Begin a task."""
        task = asyncio.create_task(coroutine, name=name)
        self.all.add(task)
        return task

    async def first_of(self, tasks: set[Task]) -> None:
        """Wait until one has ended; what it failed with is raised."""
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def end(self, *tasks: Task) -> None:
        """Cancel what still runs, and wait until it has ended."""
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def together() -> AsyncIterator[TaskGroup]:
    """A group whose tasks end with the block."""
    group = TaskGroup()
    try:
        yield group
    finally:
        await group.end(*group.all)
