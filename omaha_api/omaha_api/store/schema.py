"""Which tables does the fleet store have, and how did they come to be what they are?

One description for every database, in SQLite's words; postgres.dialect says them in PostgreSQL's. Times are whole microseconds since 1970
in UTC. A change of the schema is a new entry at the end of MIGRATIONS; what has been released is never edited. A database's schema is the
number of entries that were applied to it.
"""

from datetime import datetime

from omaha_api.store import epochs, machines, rows
from omaha_api.store.database import Connection


class SqliteOnly(str):
    """A statement that moves what the first schema kept, which only SQLite files ever had."""

    __slots__ = ()


_FIRST, _WITH_EPOCH, _WITH_MACHINES = 1, 2, 4
"""The first schema, the first whose store has an epoch, and the first whose instances have a number for their attributes."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE store (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            created_at INTEGER NOT NULL
        ) STRICT
        """,
        # in_flight counts the group's live grants, so that refusing never has to; it changes with them, in the same transaction.
        """
        CREATE TABLE groups (
            app_id TEXT NOT NULL,
            track TEXT NOT NULL,
            highest_sequence INTEGER NOT NULL,
            next_number INTEGER NOT NULL,
            in_flight INTEGER NOT NULL CHECK (in_flight >= 0),
            last_grant_at INTEGER,
            quiet_until INTEGER,
            PRIMARY KEY (app_id, track)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE rollouts (
            app_id TEXT NOT NULL,
            track TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            version TEXT NOT NULL,
            kind TEXT NOT NULL,
            salt TEXT NOT NULL,
            started_at INTEGER NOT NULL,
            completed_at INTEGER,
            PRIMARY KEY (app_id, track, sequence)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE instances (
            app_id TEXT NOT NULL,
            instance_id TEXT NOT NULL,
            track TEXT NOT NULL,
            version TEXT NOT NULL,
            first_seen INTEGER NOT NULL,
            last_seen INTEGER NOT NULL,
            last_refusal TEXT NOT NULL,
            oem TEXT NOT NULL,
            boot_id TEXT NOT NULL,
            PRIMARY KEY (app_id, instance_id)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX instances_by_group ON instances (app_id, track, version, last_seen)",
        """
        CREATE TABLE grants (
            app_id TEXT NOT NULL,
            track TEXT NOT NULL,
            number INTEGER NOT NULL,
            sequence INTEGER NOT NULL,
            version TEXT NOT NULL,
            instance_id TEXT NOT NULL,
            state TEXT NOT NULL,
            granted_at INTEGER NOT NULL,
            moved_at INTEGER NOT NULL,
            deadline INTEGER NOT NULL,
            boot_id TEXT NOT NULL,
            error_code INTEGER,
            detail TEXT NOT NULL,
            live INTEGER NOT NULL AS (state IN ('Granted', 'Downloading', 'Downloaded', 'Installed', 'OnHold')) VIRTUAL,
            failed INTEGER NOT NULL AS (state IN ('Failed', 'TimedOut')) VIRTUAL,
            PRIMARY KEY (app_id, track, number)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE UNIQUE INDEX one_live_grant ON grants (app_id, instance_id) WHERE live",
        "CREATE INDEX live_deadlines ON grants (app_id, track, deadline, sequence) WHERE live",
        "CREATE INDEX failed_grants ON grants (app_id, track, sequence) WHERE failed",
        "CREATE INDEX grants_by_instance ON grants (app_id, instance_id)",
        """
        CREATE TABLE history (
            id INTEGER PRIMARY KEY,
            app_id TEXT NOT NULL,
            instance_id TEXT NOT NULL,
            track TEXT NOT NULL,
            number INTEGER NOT NULL,
            at INTEGER NOT NULL,
            from_state TEXT NOT NULL,
            to_state TEXT NOT NULL,
            version TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            error_code INTEGER,
            detail TEXT NOT NULL
        ) STRICT
        """,
    ),
    (
        # Instances get an id, a short key for the log and for every index of them. grant_track and grant_number point to the latest
        # grant, and are empty before the first and after a reset; state repeats that grant's, because lists select by it.
        # shown_seen is the last-seen time that was logged, last_seen the exact one.
        """
        CREATE TABLE instances_2 (
            id INTEGER PRIMARY KEY,
            app_id TEXT NOT NULL,
            instance_id TEXT NOT NULL,
            slug TEXT NOT NULL,
            track TEXT NOT NULL,
            version TEXT NOT NULL,
            first_seen INTEGER NOT NULL,
            last_seen INTEGER NOT NULL,
            shown_seen INTEGER NOT NULL,
            last_refusal TEXT NOT NULL,
            attributes TEXT NOT NULL,
            alias TEXT NOT NULL,
            boot_id TEXT NOT NULL,
            state TEXT NOT NULL,
            grant_track TEXT,
            grant_number INTEGER,
            revision INTEGER NOT NULL
        ) STRICT
        """,
        SqliteOnly("""
        INSERT INTO instances_2 (
            app_id, instance_id, slug, track, version, first_seen, last_seen, shown_seen, last_refusal, attributes, alias, boot_id,
            state, grant_track, grant_number, revision
        )
        SELECT instances.app_id, instances.instance_id, instance_slug(instances.app_id, instances.instance_id, 0), instances.track,
            instances.version, first_seen, last_seen, last_seen, last_refusal,
            CASE WHEN oem = '' THEN '' ELSE json_array(oem) END, '', instances.boot_id,
            coalesce(latest.state, 'Idle'), latest.track, latest.number, 0
        FROM instances LEFT JOIN grants AS latest ON (latest.app_id, latest.track, latest.number) = (
            SELECT app_id, track, number FROM grants INDEXED BY grants_by_instance
            WHERE grants.app_id = instances.app_id AND grants.instance_id = instances.instance_id
            ORDER BY live DESC, granted_at DESC, number DESC LIMIT 1
        )
        """),
        SqliteOnly("""
        UPDATE instances_2 SET slug = instance_slug(app_id, instance_id, 1)
        WHERE id NOT IN (SELECT min(id) FROM instances_2 GROUP BY app_id, slug)
        """),
        "DROP TABLE instances",
        "ALTER TABLE instances_2 RENAME TO instances",
        "CREATE UNIQUE INDEX instances_by_identity ON instances (app_id, instance_id)",
        "CREATE UNIQUE INDEX instances_by_slug ON instances (app_id, slug)",
        "CREATE INDEX instances_by_track ON instances (app_id, track, slug)",
        "CREATE INDEX instances_by_version ON instances (app_id, version, slug)",
        "CREATE INDEX instances_by_state ON instances (app_id, state, slug)",
        "CREATE INDEX instances_by_group ON instances (app_id, track, version, last_seen)",
        "CREATE INDEX history_by_instance ON history (app_id, instance_id)",
        # revision is the newest change, pruned the newest that is no longer in the log. They are kept here and not asked of the log, so
        # that a number is never given twice, however much of the log is gone.
        "ALTER TABLE store ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE store ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE store ADD COLUMN pruned INTEGER NOT NULL DEFAULT 0",
        # What an entry says stands in log_entries.
        """
        CREATE TABLE changes (
            revision INTEGER PRIMARY KEY,
            at INTEGER NOT NULL,
            kind TEXT NOT NULL,
            instance INTEGER,
            content TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX changes_by_time ON changes (at)",
        """
        CREATE TABLE placements (
            app_id TEXT PRIMARY KEY,
            namespace TEXT NOT NULL,
            application TEXT NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE placement_groups (
            app_id TEXT NOT NULL,
            track TEXT NOT NULL,
            name TEXT NOT NULL,
            PRIMARY KEY (app_id, track)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE progress (
            app_id TEXT NOT NULL,
            track TEXT NOT NULL,
            revision INTEGER NOT NULL,
            first_published INTEGER NOT NULL,
            counts TEXT NOT NULL,
            PRIMARY KEY (app_id, track)
        ) STRICT, WITHOUT ROWID
        """,
    ),
    (
        # newcomer numbers the grants of instances that weren't established, as number does all.
        "ALTER TABLE grants ADD COLUMN wave TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE grants ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE grants ADD COLUMN established INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE grants ADD COLUMN newcomer INTEGER",
        "CREATE UNIQUE INDEX grants_of_newcomers ON grants (app_id, track, newcomer) WHERE newcomer IS NOT NULL",
        "ALTER TABLE instances ADD COLUMN attempts TEXT NOT NULL DEFAULT ''",
        # through has the distinct instances that were granted through each wave of the latest rollout; judging what its outcomes are
        # judged by; latch the last halt by failures. What each says stands in judgings.
        "ALTER TABLE groups ADD COLUMN newcomers_in_flight INTEGER NOT NULL DEFAULT 0 CHECK (newcomers_in_flight >= 0)",
        "ALTER TABLE groups ADD COLUMN next_newcomer INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE groups ADD COLUMN through TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE groups ADD COLUMN judging TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE groups ADD COLUMN latch TEXT NOT NULL DEFAULT ''",
        # One row for each established instance of a group: the wave through which it was granted in the latest rollout that it took part
        # in, and its latest outcome, which is of that rollout if it has an epoch. place orders outcomes as they were committed.
        """
        CREATE TABLE samples (
            app_id TEXT NOT NULL,
            track TEXT NOT NULL,
            instance_id TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            through TEXT NOT NULL,
            epoch INTEGER,
            wave TEXT,
            failed INTEGER,
            place INTEGER,
            error_code INTEGER,
            PRIMARY KEY (app_id, track, instance_id)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX samples_by_place ON samples (app_id, track, sequence, epoch, place, failed) WHERE place IS NOT NULL",
        "CREATE INDEX failed_samples ON samples (app_id, track, sequence, epoch, error_code) WHERE failed = 1",
        """
        CREATE TABLE tallies (
            app_id TEXT NOT NULL,
            track TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            wave TEXT NOT NULL,
            succeeded INTEGER NOT NULL,
            failed INTEGER NOT NULL,
            PRIMARY KEY (app_id, track, sequence, epoch, wave)
        ) STRICT, WITHOUT ROWID
        """,
        # The log's entries say more from here on: who follows it begins anew.
        "UPDATE store SET pruned = revision",
        "DELETE FROM changes",
    ),
    (
        "ALTER TABLE rollouts ADD COLUMN from_version TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE rollouts ADD COLUMN course TEXT NOT NULL DEFAULT ''",
        # Counts say more from here on; they are published anew.
        "DELETE FROM progress",
        # A number stands for the attributes, so that instances are counted by them from an index alone: equal ones have the same.
        "ALTER TABLE instances ADD COLUMN machine INTEGER NOT NULL DEFAULT 0",
        "DROP INDEX instances_by_group",
        "CREATE INDEX instances_by_group ON instances (app_id, track, version, machine, last_seen, first_seen)",
        """
        CREATE INDEX instances_out_of_reach ON instances (app_id, track, version, last_seen, first_seen)
        WHERE last_refusal IN ('AttemptsExhausted', 'DeadEnd', 'Excluded')
        """,
        # When the service was up: the last beat of any replica, and the outages. What they say stands in heartbeat.
        "ALTER TABLE store ADD COLUMN beat_at INTEGER",
        "ALTER TABLE store ADD COLUMN outages TEXT NOT NULL DEFAULT ''",
        # How long it takes after an outage until it is known who is active.
        "ALTER TABLE groups ADD COLUMN settling_seconds INTEGER NOT NULL DEFAULT 5400",
    ),
    (
        # known is how many instances an application has, so that none has to be counted when one comes; it changes with them, in the
        # same transaction. baseline is what it was at baseline_at: long ago, so that the first who comes has it taken.
        """
        CREATE TABLE applications (
            app_id TEXT PRIMARY KEY,
            known INTEGER NOT NULL CHECK (known >= 0),
            baseline INTEGER NOT NULL,
            baseline_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        """
        INSERT INTO applications (app_id, known, baseline, baseline_at)
        SELECT app_id, count(*), count(*), 0 FROM instances GROUP BY app_id
        """,
        # Where a network is bounded: which one the grant was given to.
        "ALTER TABLE grants ADD COLUMN network TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX live_by_network ON grants (app_id, network) WHERE live AND network <> ''",
        "ALTER TABLE grants ADD COLUMN sample_percent INTEGER NOT NULL DEFAULT 100",
        "ALTER TABLE samples ADD COLUMN network TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX samples_by_network ON samples (app_id, track, sequence, epoch, network) WHERE network <> ''",
    ),
)


def made(connection: Connection, number: int, now: datetime) -> None:
    """Write what the schema `number`, which was just applied, keeps of the store itself; a new store gets `now` as its birth."""
    if number == _FIRST:
        connection.execute("INSERT INTO store (id, created_at) VALUES (1, ?)", (rows.micros(now),))
    if number == _WITH_EPOCH:
        connection.execute("UPDATE store SET epoch = ?", (epochs.epoch(now),))
    if number == _WITH_MACHINES:
        machines.number_all(connection)
