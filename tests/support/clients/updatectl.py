"""Would CoreOS's updatectl (`watch` and the fake clients) act on this response? It follows the first of everything without looking."""

from support.clients import go_omaha, xml_answers
from support.clients.acceptance import Update, require


def check_reply(body: bytes) -> Update | None:
    """The update, None if there is none."""
    app = xml_answers.find(xml_answers.parse(body), "app")
    check = xml_answers.find(app, "updatecheck")
    go_omaha.require_types(app)
    if check.get("status") != "ok":
        return None
    manifests = check.findall("manifest")
    require(len(manifests) == 1, "not exactly one manifest")
    codebase = xml_answers.find(check, "urls/url").get("codebase", "")
    package = xml_answers.find(manifests[0], "packages/package")
    return Update(manifests[0].get("version", ""), codebase + package.get("name", ""), int(package.get("size", "")))
