"""Whatever happens, in whatever order: each store answers and counts as the rules told from the whole story do."""

import itertools

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from omaha_api.store import checking
from support import postgres_stores, properties
from support.fleet_store_actions import HOUR
from support.fleet_values import NOW
from support.rollout_machine import TRACKS, RolloutMachine
from support.sqlite_stores import connect_carelessly, made
from update_core.fleet.memory.store import MemoryStore

pytestmark = pytest.mark.hypothesis


class OnRows(RolloutMachine):
    """On a database, whose rows are sound at the end as well."""

    def check_counts(self):
        super().check_counts()
        assert self.run(self.store._readers.read(checking.findings)) == []


class InMemory(RolloutMachine):
    """Gone with the process. Of an instance it keeps what it has in its group alone; and nobody ends anything by hand."""

    keeps = False
    ends = False
    tracks = TRACKS[:1]


class SqliteFile:
    """A file of its own."""

    def __init__(self, path):
        self.path = path

    def made(self):
        return made(self.path, connect_carelessly)

    def leave(self):
        self.path.unlink()


class PostgresDatabase:
    """A database of its own."""

    def __init__(self, databases):
        self.databases = databases
        self.name = databases.take()

    def made(self):
        return postgres_stores.made(self.databases.server.url(self.name))

    def leave(self):
        self.databases.give_back(self.name)


class Memory:
    """A store that is its own place."""

    def made(self):
        return MemoryStore(NOW - HOUR)

    def leave(self):
        pass


def run(machine, place, *, examples, steps):
    run_state_machine_as_test(
        lambda: machine(place),
        settings=settings(
            max_examples=properties.examples(examples),
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_sqlite_store_answers_and_counts_as_the_model(tmp_path):
    numbers = itertools.count()
    run(OnRows, lambda: SqliteFile(tmp_path / f"{next(numbers)}.db"), examples=60, steps=50)


def test_postgres_store_answers_and_counts_as_the_model(postgres_databases):
    run(OnRows, lambda: PostgresDatabase(postgres_databases), examples=12, steps=40)


def test_memory_store_answers_and_counts_as_the_model():
    run(InMemory, Memory, examples=60, steps=50)
