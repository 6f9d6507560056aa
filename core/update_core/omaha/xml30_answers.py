"""How is an answer written in XML 3.0, so that every client that speaks it takes it?

Exact where clients are: no namespace, codebase first, base64 or hex as each field has it, the postinstall action before any other. It is
the hot path of the service, so it joins strings and builds no tree.
"""

import base64
import re
from collections.abc import Iterable

from update_core.omaha.manifests import Action, ActionEvent, Floor, Manifest, Offer, Package
from update_core.omaha.messages import AppResponse, DataAnswer, NoUpdate, Response, UpdateCheckAnswer, UpdateError

# White space becomes a reference, or the client's parser would turn it into a space.
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
_SPECIAL = re.compile("[" + "".join(_ESCAPES) + "]")
_ESCAPE_TABLE = str.maketrans(_ESCAPES)


def write_response(response: Response) -> bytes:
    """`response` as a whole document ending with ``</response>``: Flatcar's scripts search their journal for that."""
    return write_head(response) + write_apps(response.apps)


def write_head(response: Response) -> bytes:
    """The document up to its applications: what changes with the time, and is the same for everybody."""
    date = response.daystart
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<response protocol="{_escape(response.protocol)}" server="{_escape(response.server)}">'
        f'<daystart elapsed_days="{date.elapsed_days}" elapsed_seconds="{date.elapsed_seconds}"/>'
    ).encode()


def write_apps(apps: Iterable[AppResponse]) -> bytes:
    """The document from its applications on."""
    return ("".join([_app(app) for app in apps]) + "</response>").encode()


def _app(app: AppResponse) -> str:
    ping = '<ping status="ok"/>' if app.ping else ""
    updatecheck = "" if app.updatecheck is None else _updatecheck(app.updatecheck, app.poll_interval)
    events = '<event status="ok"/>' * app.event_acks
    data = "".join([_data(answer) for answer in app.data]) if app.data else ""
    return f'<app appid="{_escape(app.appid)}" status="{app.status}"{_cohorts(app)}>{ping}{updatecheck}{events}{data}</app>'


def _cohorts(app: AppResponse) -> str:
    if app.cohort is None and app.cohorthint is None and app.cohortname is None:
        return ""
    given = (("cohort", app.cohort), ("cohorthint", app.cohorthint), ("cohortname", app.cohortname))
    # An empty one is written: it takes the client's away.
    return "".join([f' {name}="{_escape(value)}"' for name, value in given if value is not None])


def _updatecheck(answer: UpdateCheckAnswer, poll_interval: int | None) -> str:
    # update_engine reads the interval before it looks at the status.
    interval = "" if poll_interval is None else f' PollInterval="{poll_interval}"'
    match answer:
        case NoUpdate():
            return f'<updatecheck status="noupdate"{interval}/>'
        case UpdateError(status):
            return f'<updatecheck status="{status}"{interval}/>'
        case Offer(urls):
            # ue-rs silently loses a url whose codebase isn't the first attribute.
            codebases = "".join([f'<url codebase="{_escape(codebase)}"/>' for codebase in urls])
            return f'<updatecheck status="ok"{interval}><urls>{codebases}</urls>{_manifests(answer)}</updatecheck>'


def _manifests(offer: Offer) -> str:
    # Clients that are only ever offered one version aren't told that it is the target.
    if not offer.floors:
        return _manifest(offer.manifest)
    floors = "".join([_manifest(floor.manifest, _floor(floor)) for floor in offer.floors])
    return floors + _manifest(offer.manifest, ' is_target="true"')


def _floor(floor: Floor) -> str:
    return ' is_floor="true"' + _text("floor_reason", floor.reason)


def _manifest(manifest: Manifest, place: str = "") -> str:
    packages = "".join([_package(package) for package in manifest.packages])
    actions = "".join([_action(action, manifest) for action in _with_update(manifest.actions)])
    return (
        f'<manifest version="{_escape(manifest.version)}"{place}><packages>{packages}</packages>'
        f"<actions>{_postinstall(manifest)}{actions}</actions></manifest>"
    )


def _package(package: Package) -> str:
    # ue-rs fails on an empty or hexadecimal `hash` and on a base64 `hash_sha256`; absent is fine.
    sha1 = "" if package.sha1 is None else f' hash="{_base64(package.sha1)}"'
    sha256 = "" if package.sha256 is None else f' hash_sha256="{package.sha256.hex()}" fp="1.{package.sha256.hex()}"'
    return (
        f'<package name="{_escape(package.name)}"{sha1} size="{package.size}"'
        f' required="{_boolean(package.required)}"{sha256}/>'
    )


def _postinstall(manifest: Manifest) -> str:
    # update_engine takes its digest from here and compares it as text with standard base64; ue-rs needs one per action.
    # Nebraska's syncer takes all of this from the first action, whatever it is.
    action = manifest.postinstall
    failures = action.max_failure_count_per_url
    return (
        f'<action event="postinstall" sha256="{_base64(manifest.payload_sha256)}"'
        f' needsadmin="{_boolean(action.needsadmin)}" IsDelta="{_boolean(action.is_delta)}"'
        f' IsDeltaPayload="{_boolean(action.is_delta_payload)}"'
        f' DisablePayloadBackoff="{_boolean(action.disable_payload_backoff)}"'
        f"{_number('MaxFailureCountPerUrl', failures)}{_number('MetadataSize', action.metadata_size)}"
        f"{_text('MetadataSignatureRsa', action.metadata_signature_rsa)}{_text('DisplayVersion', action.display_version)}"
        f"{_text('deadline', action.deadline)}{_text('MoreInfo', action.more_info)}"
        f"{_text('Prompt', 'true' if action.prompt else '')}{_text('onsuccess', _onsuccess(manifest.actions))}/>"
    )


def _onsuccess(actions: tuple[Action, ...]) -> str:
    # It is the installer that succeeds, but Omaha 3 reads what to do then from the postinstall action alone.
    return next((action.onsuccess for action in actions if action.onsuccess), "")


def _with_update(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    # Omaha 3 takes the arguments from "install" for what is new, and from "update" for what is there already.
    events = {action.event for action in actions}
    if ActionEvent.INSTALL not in events or ActionEvent.UPDATE in events:
        return actions
    updates = [
        Action(ActionEvent.UPDATE, action.run, action.arguments)
        for action in actions
        if action.event is ActionEvent.INSTALL
    ]
    return (*actions, *updates)


def _action(action: Action, manifest: Manifest) -> str:
    run = _text("run", action.run) + _text("arguments", action.arguments)
    return f'<action event="{action.event}" sha256="{_base64(manifest.payload_sha256)}"{run}/>'


def _data(answer: DataAnswer) -> str:
    data = answer.data
    # Omaha 3 fails on an answer to "install" without an index, and on one to any other name than it sent.
    index = f' index="{_escape(data.index)}"' if data.index or data.name == "install" else ""
    return f'<data name="{_escape(data.name)}"{index} status="{answer.status}"/>'


def _text(name: str, value: str) -> str:
    return f' {name}="{_escape(value)}"' if value else ""


def _number(name: str, value: int | None) -> str:
    return "" if value is None else f' {name}="{value}"'


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _escape(text: str) -> str:
    return text.translate(_ESCAPE_TABLE) if _SPECIAL.search(text) else text
