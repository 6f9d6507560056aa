"""How is Omaha 3.0 written in JSON, as Fuchsia's client speaks it?

Its parser knows the type of every member: a package without fp or required, or a manifest without actions, ends the whole
update check. It reads what it downloads by the names in the manifest and may be sent codebases of any scheme.
"""

import re

from update_core.omaha import json_answers, json_documents, json_requests
from update_core.omaha.json_documents import Members
from update_core.omaha.manifests import Action, ActionEvent, Offer
from update_core.omaha.messages import NoUpdate, Request, Response, UpdateCheckAnswer, UpdateError

PROTOCOL = "3.0"
NAMES = json_requests.Names(apps=("app",), events=("event",))

_ABSOLUTE = re.compile("[A-Za-z][A-Za-z0-9+.-]*://.")


def read_request(members: Members) -> Request:
    """The request. Raises BadRequest for one that can't be understood."""
    return json_requests.request(members, NAMES)


def write_response(response: Response) -> bytes:
    """The whole answer. An offer that can't be said is noupdate: ask `inexpressible` before anything depends on it."""
    return json_documents.write(json_answers.response(response, _answer, apps="app", events="event"))


def inexpressible(offer: Offer) -> str | None:
    """Why the offer can't be said, None if it can."""
    if not all(_ABSOLUTE.match(codebase) for codebase in offer.urls):
        return "a codebase is no absolute URL"
    return json_answers.stepwise(offer) or json_answers.unfingerprinted(offer.manifest)


def _answer(answer: UpdateCheckAnswer) -> Members:
    match answer:
        case NoUpdate(info):
            return json_answers.no_update(info)
        case UpdateError(status):
            return {"status": status}
        case Offer(urls, manifest):
            if inexpressible(answer) is not None:
                return json_answers.no_update("")
            action = manifest.action(ActionEvent.INSTALL) or Action(ActionEvent.INSTALL)
            install = {"event": "install", "run": action.run or manifest.packages[0].name}
            if action.arguments:
                install["arguments"] = action.arguments
            return {
                "status": "ok",
                "urls": json_answers.urls(urls),
                "manifest": {
                    "version": manifest.version,
                    "actions": {"action": [install, {"event": "postinstall"}]},
                    "packages": json_answers.packages(manifest.packages),
                },
            }
