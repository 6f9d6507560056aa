"""What do the answers in JSON have in common, whatever the version of the protocol?

The frame around the answers, what is acknowledged, and how 3.0 and 3.1 list urls and packages.
"""

from collections.abc import Callable

from update_core.omaha.json_documents import Members
from update_core.omaha.manifests import Manifest, Offer, Package
from update_core.omaha.messages import AppResponse, AppStatus, DataAnswer, Response, UpdateCheckAnswer

WriteAnswer = Callable[[UpdateCheckAnswer], Members]
"""How a dialect writes the answer to an update check."""


def response(response: Response, answer: WriteAnswer, *, apps: str, events: str) -> Members:
    """The document; `apps` and `events` are what the dialect calls its lists."""
    date = response.daystart
    return {
        "response": {
            "protocol": response.protocol,
            "server": response.server,
            "daystart": {"elapsed_days": date.elapsed_days, "elapsed_seconds": date.elapsed_seconds},
            apps: [_app(app, answer, events) for app in response.apps],
        }
    }


def _app(app: AppResponse, answer: WriteAnswer, events: str) -> Members:
    # go-omaha's word for a version that can't be read isn't known to any client that speaks JSON.
    status = AppStatus.INTERNAL if app.status is AppStatus.INVALID_VERSION else app.status
    members: Members = {"appid": app.appid, "status": status}
    if app.cohort is not None:
        members["cohort"] = app.cohort
    if app.cohorthint is not None:
        members["cohorthint"] = app.cohorthint
    if app.cohortname is not None:
        members["cohortname"] = app.cohortname
    if app.ping:
        members["ping"] = {"status": "ok"}
    if app.updatecheck is not None:
        members["updatecheck"] = answer(app.updatecheck)
    if app.event_acks:
        members[events] = [{"status": "ok"}] * app.event_acks
    if app.data:
        members["data"] = [_data(answer) for answer in app.data]
    return members


def _data(answer: DataAnswer) -> Members:
    data = answer.data
    index = {"index": data.index} if data.index or data.name == "install" else {}
    return {"name": data.name, **index, "status": answer.status}


def no_update(info: str) -> Members:
    """An update check without an update; `info` says why, to people."""
    return {"status": "noupdate", "info": info} if info else {"status": "noupdate"}


def urls(codebases: tuple[str, ...]) -> Members:
    """The codebases, in the order to try them."""
    return {"url": [{"codebase": codebase} for codebase in codebases]}


def packages(files: tuple[Package, ...]) -> Members:
    """The files, the payload first."""
    return {"package": [_package(package) for package in files]}


def _package(package: Package) -> Members:
    members: Members = {"name": package.name, "size": package.size, "required": package.required}
    if package.sha256 is not None:
        # Fuchsia fails without a fingerprint; whoever keeps one sends it back as what it has.
        members["hash_sha256"] = package.sha256.hex()
        members["fp"] = f"1.{package.sha256.hex()}"
    return members


def unfingerprinted(manifest: Manifest) -> str | None:
    """Why a package can't be told of: no client that speaks JSON takes one that it can't verify."""
    if any(package.sha256 is None for package in manifest.packages):
        return "a package has no SHA-256 digest"
    return None


def stepwise(offer: Offer) -> str | None:
    """Why an offer of several versions, one after the other, can't be said; None for one of a single version."""
    return "only one version fits into an answer, and there are others to install first" if offer.floors else None
