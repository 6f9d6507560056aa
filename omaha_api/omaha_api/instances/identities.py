"""Who asks that says no id? An instance that the service made an id up for, as long as it says which.

It is told the id as its cohort and sends that from then on. Until it does, there is its session: Fuchsia's client reports on its very first
update before it sends a cohort for the first time.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from omaha_api import metrics
from omaha_api.instances.known import InstanceKey
from update_core.omaha import identity
from update_core.omaha.identity import Identity
from update_core.omaha.messages import AppRequest, Request

MAX_SESSIONS = 50_000
"""Sessions that are remembered, some 300 bytes each; beyond, the one heard longest ago is forgotten."""

SESSION_SECONDS = 6 * 3600
"""How long a session is remembered after it was heard: from a check to the last event of its update."""

MAX_SESSIONID_LENGTH = 128
"""Longest sessionid that is remembered; clients send 38."""


class Identities:
    """Tells instances apart, and makes up ids for those that send none."""

    def __init__(
        self,
        tally: metrics.Tally,
        mint: Callable[[], str],
        *,
        max_sessions: int = MAX_SESSIONS,
        session_seconds: float = SESSION_SECONDS,
    ) -> None:
        """`mint` makes up 16 hexadecimal digits that nobody can guess."""
        self._tally = tally
        self._mint = mint
        self._max_sessions = max_sessions
        self._lasting = timedelta(seconds=session_seconds)
        self._sessions: OrderedDict[InstanceKey, tuple[str, datetime]] = OrderedDict()

    def identify(self, request: Request, app: AppRequest, app_id: str, track: str, now: datetime) -> Identity | None:
        """Whose request it is; None for an instance that nothing can be kept of."""
        session = (app_id, request.sessionid)
        known = self._id_of(session, now)
        who = identity.identify(request, app, track=track, of_session=known, mint=self._mint)
        if who is not None and who.cohort is not None:
            if who.cohort != known:
                self._tally.minted += 1
            self._remember(session, who.cohort, now)
        return who

    def _id_of(self, session: InstanceKey, now: datetime) -> str | None:
        held = self._sessions.get(session)
        return held[0] if held is not None and now < held[1] + self._lasting else None

    def _remember(self, session: InstanceKey, minted: str, now: datetime) -> None:
        if not 0 < len(session[1]) <= MAX_SESSIONID_LENGTH:
            return
        self._sessions[session] = (minted, now)
        self._sessions.move_to_end(session)
        if len(self._sessions) > self._max_sessions:
            self._sessions.popitem(last=False)
