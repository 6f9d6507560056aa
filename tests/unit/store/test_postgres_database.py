"""The PostgreSQL database: which ones are refused and in which words, what is never said, and what is found in it again."""

import logging

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from omaha_api import settings
from omaha_api.store import rows, schema, stores
from omaha_api.store.postgres import dialect
from omaha_api.store.postgres.store import PostgresStore
from support import postgres_stores, sqlite_stores
from support.fleet_store_actions import ask, granted
from support.fleet_values import APP_ID, NOW
from update_core.fleet.store import StoreUnavailable

SECRET = "s3cret-word"


@pytest.fixture
def database(postgres):
    """The name of an empty database."""
    name = postgres.create()
    yield name
    postgres.drop(name)


async def refusal(url: str) -> str:
    """Why the store can't be opened."""
    with pytest.raises(StoreUnavailable) as refused:
        await PostgresStore(url).open()
    return str(refused.value)


async def made(url: str) -> None:
    """Make the tables."""
    store = postgres_stores.made(url)
    await store.open()
    await store.close()


async def test_everything_is_there_after_closing_and_opening_again(postgres_url):
    store = postgres_stores.made(postgres_url)
    await store.open()
    await granted(store, "one")
    before = (
        await store.live_grants(),
        await store.ledgers(),
        await store.instance(APP_ID, "one"),
        await store.position(),
    )
    await store.close()

    again = postgres_stores.made(postgres_url)
    await again.open()
    after = (
        await again.live_grants(),
        await again.ledgers(),
        await again.instance(APP_ID, "one"),
        await again.position(),
    )
    await again.close()

    assert after == before


async def test_tables_are_those_of_an_sqlite_file(postgres_url, postgres, tmp_path):
    """One description: the same tables, columns, what may be empty, and indexes."""
    file = sqlite_stores.made(tmp_path / "fleet.db")
    await file.open()
    described = await file._readers.read(sqlite_description)
    await file.close()
    name = conninfo_to_dict(postgres_url)["dbname"]

    columns = postgres.execute(
        "SELECT table_name, column_name, is_nullable = 'NO' FROM information_schema.columns "
        "WHERE table_schema = 'update_service' AND table_name <> 'about'",
        name,
    )
    indexes = postgres.execute(
        "SELECT indexname FROM pg_indexes WHERE schemaname = 'update_service' AND indexname NOT LIKE '%_pkey'", name
    )

    assert ({tuple(column) for column in columns}, {index for (index,) in indexes}) == described


def sqlite_description(connection):
    columns, indexes = set(), set()
    for kind, table in connection.execute("SELECT type, name FROM sqlite_schema").fetchall():
        if kind == "index" and not table.startswith("sqlite_"):
            indexes.add(table)
        if kind == "table":
            # A primary key is never empty, said or not; hidden ones are computed.
            columns |= {
                (table, name, bool(required or key))
                for _, name, _, required, _, key, _ in connection.execute(f"PRAGMA table_xinfo({table})").fetchall()
            }
    return columns, indexes


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        pytest.param("SELECT 1 FROM t INDEXED BY i WHERE a = ?", b"SELECT 1 FROM t WHERE a = %s", id="index"),
        pytest.param(
            "SET a = max(a, ?), b = max(a, at)", b"SET a = greatest(a, %s), b = greatest(a, at)", id="greater"
        ),
        pytest.param("SELECT max(a) FROM t", b"SELECT max(a) FROM t", id="greatest of all"),
        pytest.param(
            "SELECT key FROM json_each(?)",
            b"SELECT key FROM (SELECT value, place - 1 AS key FROM json_array_elements(CAST(%s AS json)) "
            b"WITH ORDINALITY AS element (value, place)) AS each",
            id="batch",
        ),
        pytest.param(
            "SELECT json_group_array(json_array(a, max(b, ?))) FROM t",
            b"SELECT coalesce(CAST(json_agg(json_build_array(a, greatest(b, %s))) AS text), '[]') FROM t",
            id="one document",
        ),
        pytest.param(
            "SELECT json_group_array(json((SELECT json_group_array(a) FROM u)))",
            b"SELECT coalesce(CAST(json_agg(CAST((SELECT coalesce(CAST(json_agg(a) AS text), '[]') FROM u) AS json)) AS text), '[]')",
            id="document in a document",
        ),
        pytest.param("a LIKE 'x%'", b"a LIKE 'x%%'", id="percent"),
    ],
)
def test_statement_is_said_in_the_words_of_postgres(statement, said):
    assert dialect.statement(statement) == said


async def test_database_of_a_newer_version_is_refused(postgres, database):
    await made(postgres.url(database))
    newer = len(schema.MIGRATIONS) + 1
    postgres.execute(f"UPDATE update_service.about SET schema = {newer}", database)

    said = await refusal(postgres.url(database))

    assert f"written by a newer version of this program (its schema is {newer}" in said


async def test_schema_with_another_programs_tables_is_refused_and_left_as_it_is(postgres, database):
    postgres.execute("CREATE SCHEMA update_service; CREATE TABLE update_service.diary (day TEXT)", database)

    assert "another program's tables" in await refusal(postgres.url(database))
    assert postgres.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'update_service'", database) == [
        ("diary",)
    ]


async def test_database_is_shared_with_another_programs_tables(postgres, database):
    postgres.execute("CREATE TABLE store (day TEXT); CREATE TABLE instances (day TEXT)", database)

    await made(postgres.url(database))

    assert postgres.execute("SELECT count(*) FROM public.store", database) == [(0,)]


async def test_migration_that_breaks_off_leaves_the_database_as_it_was(postgres, database):
    postgres.execute("CREATE SCHEMA update_service", database)
    postgres.execute("CREATE TYPE update_service.changes AS ENUM ('a')", database)

    assert "changes" in await refusal(postgres.url(database))
    assert postgres.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'update_service'", database) == []


async def test_role_that_may_not_make_tables_is_told_what_to_ask_for(postgres, database):
    role = f"{database}_reader"
    postgres.execute(f"CREATE ROLE {role} LOGIN")

    said = await refusal(postgres.url(database).replace("fleet@", f"{role}@"))

    assert "permission denied" in said
    assert f'CREATE SCHEMA IF NOT EXISTS update_service; ALTER SCHEMA update_service OWNER TO "{role}"' in said
    postgres.execute(f"CREATE SCHEMA update_service AUTHORIZATION {role}", database)
    await made(postgres.url(database).replace("fleet@", f"{role}@"))


async def test_database_that_is_not_there_is_named(postgres):
    assert 'database "nowhere" does not exist' in await refusal(postgres.url("nowhere"))


async def test_database_in_which_not_every_id_can_stand_is_refused(postgres):
    name = postgres.create(options="ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'")

    assert "its encoding is LATIN1" in await refusal(postgres.url(name))
    postgres.drop(name)


async def test_database_that_is_only_read_is_refused(postgres, database):
    postgres.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")

    assert "read-only" in await refusal(postgres.url(database))


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"postgresql://fleet:{SECRET}@127.0.0.1:1/fleet", id="nobody listens"),
        pytest.param(f"postgresql://fleet:{SECRET}/half@127.0.0.1:1/fleet", id="slash in the password"),
        pytest.param(f"postgresql://fleet:{SECRET}@127.0.0.1:1/fleet?{SECRET}", id="option that is none"),
    ],
)
async def test_password_is_never_said(url, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StoreUnavailable) as refused:
        await stores.on(settings.database(url)).open()

    assert SECRET not in str(refused.value)
    assert SECRET not in caplog.text
    assert SECRET not in repr(settings.database(url))


def test_url_that_cannot_be_used_does_not_come_back_with_its_password():
    with pytest.raises(settings.SettingsError) as refused:
        settings.database(f"mysql://fleet:{SECRET}@host/fleet")

    assert SECRET not in str(refused.value)


async def test_store_that_was_closed_or_never_opened_is_unavailable(postgres_url):
    store = postgres_stores.made(postgres_url)
    with pytest.raises(StoreUnavailable):
        await ask(store, "one")
    await store.open()
    await store.close()

    with pytest.raises(StoreUnavailable):
        await ask(store, "one")
    with pytest.raises(StoreUnavailable):
        await store.instance(APP_ID, "one")
    with pytest.raises(StoreUnavailable):
        await store.wait_beyond(0)


async def test_one_live_grant_per_instance_holds_in_the_database_itself(postgres, postgres_url):
    store = postgres_stores.made(postgres_url)
    await store.open()
    await granted(store, "one")
    await store.close()

    with pytest.raises(psycopg.errors.UniqueViolation):
        postgres.execute(
            f"INSERT INTO update_service.grants ({rows.GRANT_COLUMNS}) SELECT app_id, track, 2, sequence, version, instance_id, "
            f"'Installed', granted_at, moved_at, {rows.micros(NOW)}, boot_id, error_code, detail, wave, epoch, established "
            "FROM update_service.grants",
            conninfo_to_dict(postgres_url)["dbname"],
        )


async def test_commits_are_durable_whatever_the_server_is_set_up_to(postgres, database):
    postgres.execute(f"ALTER DATABASE {database} SET synchronous_commit = off")
    store = postgres_stores.made(postgres.url(database))
    await store.open()

    (setting,) = await store._writer.submit(
        lambda connection, _: connection.execute("SHOW synchronous_commit").fetchone()
    )

    assert setting == "on"
    await store.close()
