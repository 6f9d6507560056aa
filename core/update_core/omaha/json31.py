"""How is Omaha 3.1 written in JSON, as Chromium's updater spoke it until 2025?

Its parser drops an application whose version or URLs it doesn't like and goes on with the next. A manifest may name a
program to run; so may the update check itself, of the version that is installed.
"""

from update_core.omaha import chromium, json_answers, json_documents, json_requests
from update_core.omaha.json_documents import Members
from update_core.omaha.manifests import ActionEvent, Manifest, Offer
from update_core.omaha.messages import (
    NoUpdate,
    Request,
    Response,
    UpdateCheckAnswer,
    UpdateError,
    UpdateErrorStatus,
)

PROTOCOL = "3.1"
NAMES = json_requests.Names(apps=("app",), events=("event",))


def read_request(members: Members) -> Request:
    """The request. Raises BadRequest for one that can't be understood."""
    return json_requests.request(members, NAMES)


def write_response(response: Response) -> bytes:
    """The whole answer. An offer that can't be said is noupdate: ask `inexpressible` before anything depends on it."""
    return json_documents.write(json_answers.response(response, _answer, apps="app", events="event"))


def inexpressible(offer: Offer) -> str | None:
    """Why the offer can't be said, None if it can."""
    return (
        json_answers.stepwise(offer)
        or json_answers.unfingerprinted(offer.manifest)
        or chromium.inexpressible(offer.urls, offer.manifest)
    )


def error(status: UpdateErrorStatus) -> Members:
    """An update check that couldn't be answered; 3.1 changed how one of the reasons is written."""
    return {"status": status.lower() if status is UpdateErrorStatus.UNSUPPORTED_PROTOCOL else status}


def _answer(answer: UpdateCheckAnswer) -> Members:
    match answer:
        case NoUpdate(info):
            return json_answers.no_update(info)
        case UpdateError(status):
            return error(status)
        case Offer(urls, manifest):
            if inexpressible(answer) is not None:
                return json_answers.no_update("")
            members: Members = {
                "status": "ok",
                "urls": json_answers.urls(urls),
                "manifest": _manifest(manifest),
            }
            update = manifest.action(ActionEvent.UPDATE)
            if update is not None and update.run:
                members["actions"] = {"action": [{"run": update.run}]}
            return members


def _manifest(manifest: Manifest) -> Members:
    members: Members = {"version": manifest.version}
    install = manifest.action(ActionEvent.INSTALL)
    if install is not None and install.run:
        members["run"] = install.run
        members["arguments"] = install.arguments
    members["packages"] = json_answers.packages(manifest.packages)
    return members
