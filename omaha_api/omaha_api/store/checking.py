"""Is what the store counts what its rows say? Each rule is a question for the rows that break it."""

from dataclasses import dataclass

from omaha_api.store.database import Connection

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that rows break."""

    rule: str
    rows: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        more = "" if self.rows <= len(self.examples) else f" and {self.rows - len(self.examples)} more"
        return f"{self.rule}: {', '.join(self.examples)}{more}"


_RULES: dict[str, str] = {
    "a group counts other than its live grants as in flight": """
        SELECT groups.app_id, groups.track, groups.in_flight, count(grants.number) FROM groups
        LEFT JOIN grants ON grants.app_id = groups.app_id AND grants.track = groups.track AND grants.live
        GROUP BY groups.app_id, groups.track, groups.in_flight HAVING groups.in_flight <> count(grants.number)
    """,
    "a group counts other than its newcomers' live grants as in flight": """
        SELECT groups.app_id, groups.track, groups.newcomers_in_flight, count(grants.number) FROM groups
        LEFT JOIN grants ON grants.app_id = groups.app_id AND grants.track = groups.track AND grants.live AND grants.established = 0
        GROUP BY groups.app_id, groups.track, groups.newcomers_in_flight HAVING groups.newcomers_in_flight <> count(grants.number)
    """,
    "an application counts other than its instances": """
        SELECT applications.app_id, applications.known, count(instances.id) FROM applications
        LEFT JOIN instances ON instances.app_id = applications.app_id
        GROUP BY applications.app_id, applications.known HAVING applications.known <> count(instances.id)
    """,
    "an instance has several live grants": """
        SELECT app_id, instance_id, count(*) FROM grants WHERE live GROUP BY app_id, instance_id HAVING count(*) > 1
    """,
    "a live grant isn't its instance's latest": """
        SELECT grants.app_id, grants.track, grants.number, grants.instance_id FROM grants
        LEFT JOIN instances ON instances.app_id = grants.app_id AND instances.instance_id = grants.instance_id
            AND instances.grant_track = grants.track AND instances.grant_number = grants.number
        WHERE grants.live AND instances.id IS NULL
    """,
    "an instance's state isn't that of its latest grant": """
        SELECT instances.app_id, instances.instance_id, instances.state, grants.state FROM instances
        LEFT JOIN grants ON grants.app_id = instances.app_id AND grants.track = instances.grant_track
            AND grants.number = instances.grant_number
        WHERE instances.state <> coalesce(grants.state, 'Idle')
    """,
    "a group's grants aren't numbered without gaps up to its next number": """
        SELECT groups.app_id, groups.track, groups.next_number, count(*), min(grants.number), max(grants.number) FROM groups
        JOIN grants ON grants.app_id = groups.app_id AND grants.track = groups.track
        GROUP BY groups.app_id, groups.track, groups.next_number
        HAVING max(grants.number) <> groups.next_number - 1 OR count(*) <> max(grants.number) - min(grants.number) + 1
    """,
    "a group's newcomers aren't numbered without gaps up to its next one": """
        SELECT groups.app_id, groups.track, groups.next_newcomer, count(*), max(grants.newcomer) FROM groups
        JOIN grants ON grants.app_id = groups.app_id AND grants.track = groups.track AND grants.newcomer IS NOT NULL
        GROUP BY groups.app_id, groups.track, groups.next_newcomer
        HAVING max(grants.newcomer) <> groups.next_newcomer - 1 OR count(*) <> max(grants.newcomer)
    """,
    "a grant belongs to no group": """
        SELECT grants.app_id, grants.track, grants.number FROM grants
        LEFT JOIN groups ON groups.app_id = grants.app_id AND groups.track = grants.track WHERE groups.track IS NULL
    """,
    "a grant is of a later rollout than its group has seen": """
        SELECT grants.app_id, grants.track, grants.number, grants.sequence FROM grants
        JOIN groups ON groups.app_id = grants.app_id AND groups.track = grants.track
        WHERE grants.sequence > groups.highest_sequence
    """,
    "a wave's tally isn't what its instances' outcomes are": """
        SELECT tallies.app_id, tallies.track, tallies.wave, tallies.succeeded, tallies.failed FROM tallies
        JOIN groups ON groups.app_id = tallies.app_id AND groups.track = tallies.track AND groups.highest_sequence = tallies.sequence
        LEFT JOIN samples ON samples.app_id = tallies.app_id AND samples.track = tallies.track AND samples.sequence = tallies.sequence
            AND samples.epoch = tallies.epoch AND samples.wave = tallies.wave
        WHERE tallies.epoch = (
            SELECT max(latest.epoch) FROM tallies AS latest
            WHERE latest.app_id = tallies.app_id AND latest.track = tallies.track AND latest.sequence = tallies.sequence
        )
        GROUP BY tallies.app_id, tallies.track, tallies.sequence, tallies.epoch, tallies.wave, tallies.succeeded, tallies.failed
        HAVING coalesce(sum(1 - samples.failed), 0) <> tallies.succeeded OR coalesce(sum(samples.failed), 0) <> tallies.failed
    """,
    "the log has an entry that was never numbered, or is told to be gone": """
        SELECT revision FROM changes WHERE revision > (SELECT revision FROM store) OR revision <= (SELECT pruned FROM store)
    """,
    "an instance is of a revision that was never given": """
        SELECT app_id, instance_id, revision FROM instances WHERE revision > (SELECT revision FROM store)
    """,
}


def findings(connection: Connection) -> list[Finding]:
    """The rules that are broken; empty for a sound store. All are asked of one state of the database, which the caller began."""
    found: list[Finding] = []
    for rule, question in _RULES.items():
        broken = connection.execute(question).fetchall()
        if broken:
            examples = tuple("/".join(map(str, row)) for row in broken[:EXAMPLES])
            found.append(Finding(rule, len(broken), examples))
    return found
