"""How fast may a group move? The options that limit it → the fields of its spec."""

from dataclasses import dataclass
from typing import Annotated

import typer

from updatectl.errors import CommandError
from updatectl.session import Changes, Object

UpdateCount = Annotated[
    int | None,
    typer.Option("--update-count", "--updateCount", min=0, help="Updates to give out per interval; 0: without limit."),
]
UpdateInterval = Annotated[
    int | None, typer.Option("--update-interval", "--updateInterval", min=1, help="The interval in seconds.")
]
MaxInFlight = Annotated[
    int | None, typer.Option("--max-in-flight", min=0, help="Instances that may update at once; 0: without limit.")
]
UpdateTimeout = Annotated[
    int | None, typer.Option("--update-timeout", min=1, help="Seconds without progress until an update has failed.")
]


@dataclass(frozen=True)
class Limits:
    """How fast a group may move, as given; None is left as it is, a count of 0 takes the limit away."""

    update_count: int | None = None
    update_interval: int | None = None
    max_in_flight: int | None = None
    update_timeout: int | None = None

    def changes(self, existing: Object | None) -> Changes:
        """The spec's fields. Raises CommandError if a rate limit would be only half known."""
        changes: dict[str, object] = {}
        if self.max_in_flight is not None:
            changes["maxInFlight"] = self.max_in_flight or None
        if self.update_timeout is not None:
            changes["updateTimeoutSeconds"] = self.update_timeout
        if self.update_count == 0:
            changes["rateLimit"] = None
        elif self.update_count is not None or self.update_interval is not None:
            changes["rateLimit"] = self._rate_limit(existing)
        return changes

    def _rate_limit(self, existing: Object | None) -> Changes:
        now = (existing or {}).get("spec", {}).get("rateLimit", {})
        count = self.update_count or now.get("maxUpdates")
        interval = self.update_interval or now.get("periodSeconds")
        if count is None or interval is None:
            raise CommandError("the group has no rate limit yet: give both --update-count and --update-interval")
        return {"maxUpdates": count, "periodSeconds": interval}
