"""How is Omaha 4.0 written in JSON, as Chromium's updater speaks it since 2025, and Brave's?

An update is a pipeline: operations that the client carries out one after the other, each on the file that the one before
left. A client says in acceptformat which ones it can. Where the published draft and Chromium's parser differ, the parser
is followed: lists are in the plural, digests stand in objects `in` and `out`, the version beside the pipelines.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from update_core.omaha import chromium, json31, json_answers, json_documents, json_requests
from update_core.omaha.json_documents import Members
from update_core.omaha.manifests import ActionEvent, Offer
from update_core.omaha.messages import (
    NoUpdate,
    Request,
    Response,
    UpdateCheckAnswer,
    UpdateError,
    UpdateErrorStatus,
)

PROTOCOL = "4.0"
NAMES = json_requests.Names(apps=("apps", "app"), events=("events", "event"))
PIPELINE_ID = "full"

_NEEDED = frozenset({"download", "crx3"})
"""A payload is fetched and installed; no file is kept that it could be patched from."""


def read_request(members: Members) -> Request:
    """The request. Raises BadRequest for one that can't be understood."""
    return json_requests.request(members, NAMES)


@dataclass(frozen=True, slots=True)
class Writer:
    """How a client is answered that can carry out these operations: `installs` a payload, `runs` what is installed."""

    installs: bool
    runs: bool

    def write_response(self, response: Response) -> bytes:
        """The whole answer. An offer that can't be said is told so: ask `inexpressible` before anything depends on it."""
        return json_documents.write(json_answers.response(response, self._answer, apps="apps", events="events"))

    def inexpressible(self, offer: Offer) -> str | None:
        """Why the offer can't be said, None if it can."""
        if not self.installs or (_action_run(offer) and not self.runs):
            return "the client doesn't accept an operation that the update needs"
        # 4.0 gave up several packages per application.
        if len(offer.manifest.packages) > 1:
            return "a pipeline installs one package, and this version has extra files"
        return json_answers.stepwise(offer) or chromium.inexpressible(offer.urls, offer.manifest)

    def _answer(self, answer: UpdateCheckAnswer) -> Members:
        match answer:
            case NoUpdate(info):
                return json_answers.no_update(info)
            case UpdateError(status):
                return json31.error(status)
            case Offer():
                if self.inexpressible(answer) is not None:
                    return {"status": UpdateErrorStatus.INEXPRESSIBLE}
                return _offer(answer)


def writer(acceptformat: Iterable[str] | None) -> Writer:
    """The writer for a client that accepts these operations; one that doesn't say can do what all can."""
    accepted = _NEEDED if acceptformat is None else frozenset(acceptformat)
    return Writer(installs=accepted >= _NEEDED, runs="run" in accepted)


def _action_run(offer: Offer) -> str:
    """The program of the new version that is started after the update; empty without one."""
    action = offer.manifest.action(ActionEvent.UPDATE)
    return "" if action is None else action.run


def _offer(offer: Offer) -> Members:
    manifest = offer.manifest
    payload, sha256 = manifest.packages[0], manifest.payload_sha256.hex()
    install: Members = {"type": "crx3", "in": {"sha256": sha256}}
    action = manifest.action(ActionEvent.INSTALL)
    if action is not None and action.run:
        install["path"] = action.run
        install["arguments"] = action.arguments
    operations: list[Members] = [
        {
            "type": "download",
            "urls": [{"url": codebase + payload.name} for codebase in offer.urls],
            "size": payload.size,
            "out": {"sha256": sha256},
        },
        install,
    ]
    run = _action_run(offer)
    if run:
        operations.append({"type": "run", "path": run})
    return {
        "status": "ok",
        "nextversion": manifest.version,
        "pipelines": [{"pipeline_id": PIPELINE_ID, "operations": operations}],
    }
