"""What an update is made of: where its files are, and how they are known again. `offer` rolls a package out and gives what is offered."""

import base64
import json
import re

import pytest
from lxml import etree

from support import omaha_fleet, omaha_port
from support.omaha_requests import check, json_check, xml_check
from update_core.omaha import manifests, messages, xml30
from update_core.rollout.model import Reason

EVERY_DIALECT = pytest.mark.parametrize("protocol", ["xml", "3.0", "3.1", "4.0"])
UPDATES = "https://updates.example/"
SHA1 = "f8b5d78e268f91e6032c7a0d2a57fd6ab4c1be79"
SHA256_BASE64 = base64.b64encode(bytes.fromhex(omaha_fleet.SHA256)).decode()


@pytest.fixture
def offer(omaha, fleet, app_id):
    """The answer that offers version 1.1.0 with this payload, in XML."""

    def rolled_out(application=None, **payload):
        fleet.roll_out("1.1.0", payload=payload, application=application)
        return omaha.expect("Offer", xml_check(app_id, machineid="m"))

    return rolled_out


def elements(reply, tag):
    return list(etree.fromstring(reply.body).iter(tag))


def urls(reply):
    """All that a client could fetch, in the order in which it would: codebase and name, one after the other."""
    codebases = [url.get("codebase") for url in elements(reply, "url")]
    return [codebase + package.get("name") for codebase in codebases for package in elements(reply, "package")]


def fetched(protocol, reply):
    """The URLs of the payload, whatever the dialect."""
    if protocol == "xml":
        return urls(reply)
    found = omaha_port.updatecheck(reply)
    if protocol == "4.0":
        return [url["url"] for url in found["pipelines"][0]["operations"][0]["urls"]]
    name = found["manifest"]["packages"]["package"][0]["name"]
    return [url["codebase"] + name for url in found["urls"]["url"]]


WRITTEN = {
    "absolute": f"{UPDATES}app/1.1.0/update.gz",
    "at the root": f"{UPDATES}update.gz",
    "with a query": f"{UPDATES}app/update.gz?token=a%2Fb&v=2",
    "with a port": "http://127.0.0.1:8080/update.gz",
    "escaped": f"{UPDATES}a%20b/c'd,e(1)+@~!$*;=.gz",
    "relative": "app/1.1.0/update.gz",
}


@pytest.mark.omaha_point(
    33, breaks="ue-rs, which loses a url otherwise; old update_engine and Chromium, which add no slash"
)
@pytest.mark.parametrize("url", WRITTEN.values(), ids=WRITTEN.keys())
def test_a_codebase_is_an_absolute_url_that_ends_in_a_slash_and_stands_first(offer, url):
    """A codebase is an absolute URL that ends in a slash, and the first attribute of its element; only an image reference has no scheme."""
    reply = offer(application={"packageBaseURL": UPDATES}, url=url)

    (found,) = re.findall(rb"<url ([a-z]+)=\"([^\"]*)\"/>", reply.body)
    assert found[0] == b"codebase"
    assert re.fullmatch(rb"https?://[^/]+/(.*/)?", found[1])


@pytest.mark.omaha_point(33)
def test_a_relative_url_stands_on_the_service_s_base_if_the_application_has_none(offer, omaha):
    assert urls(offer(url="update.gz")) == [f"http://127.0.0.1:{omaha.port}/packages/update.gz"]


@pytest.mark.omaha_point(33)
def test_an_image_reference_is_handed_out_as_written_and_in_xml_alone(offer, omaha, app_id):
    image = "index.example.com/webapp:1.2.1"

    assert urls(offer(url=image)) == [image]
    for protocol in ("3.0", "3.1", "4.0"):
        reply = omaha.ask(json_check(protocol, app_id, machineid=protocol))
        assert (omaha_port.updatecheck(reply)["status"] == "ok", image in str(reply.body)) == (False, False)


@pytest.mark.omaha_point(34, breaks="every client: it fetches something else, or writes outside its folder")
@EVERY_DIALECT
@pytest.mark.parametrize("url", WRITTEN.values(), ids=WRITTEN.keys())
def test_codebase_and_name_are_together_the_url_that_was_written(offer, omaha, app_id, protocol, url):
    """A package's name is a plain file name without a path, and codebase and name, one after the other, are its very URL."""
    offered = offer(application={"packageBaseURL": UPDATES}, url=url)
    reply = omaha.ask(check(protocol, app_id, machineid="m"))

    assert fetched(protocol, reply) == [url if "://" in url else UPDATES + url]
    (package,) = elements(offered, "package")
    assert re.fullmatch(r"[^/\\]+", package.get("name"))


@pytest.mark.omaha_point(34)
@pytest.mark.parametrize("url", [UPDATES, f"{UPDATES}a/", "../a", "a/../b", f"{UPDATES}a?b/c"])
def test_a_url_without_a_file_or_with_a_way_up_is_refused_when_it_is_written(kubectl, url):
    package = omaha_fleet.package("1.1.0", url=url)
    manifest = json.dumps(package | {"metadata": {"name": "app-1.1.0"}})

    assert "spec.url" in kubectl("create", "-f", "-", input=manifest, check=False).stderr


@pytest.mark.omaha_point(34)
def test_a_url_that_ends_in_a_way_up_is_never_offered(omaha, fleet, app_id):
    fleet.roll_out("1.1.0", payload={"url": f"{UPDATES}a/.."})

    reply = omaha.expect(Reason.PACKAGE_UNAVAILABLE, xml_check(app_id, machineid="m"))

    assert omaha_port.offered(reply) is None


@pytest.mark.omaha_point(35, breaks="update_engine, ue-rs: without a size above 0 there is no package to them")
@pytest.mark.parametrize("size", [1, 23, 2**31, 2**53 - 1])
def test_the_size_is_a_positive_integer(offer, omaha, app_id, size):
    """The size of a package is its bytes as a plain positive integer, however many: a text in XML, a number in JSON."""
    (package,) = elements(offer(size=size), "package")

    assert package.get("size") == str(size)
    assert (
        omaha_port.updatecheck(omaha.ask(json_check("3.1", app_id)))["manifest"]["packages"]["package"][0]["size"]
        == size
    )


@pytest.mark.omaha_point(36, breaks="ue-rs, Omaha 3, and Fuchsia, which wants a boolean")
def test_every_package_says_whether_it_is_required(omaha, guide_app):
    """Each package says whether it is required, with true or false."""
    packages = elements(omaha.ask(xml_check(guide_app, machineid="m")), "package")
    in_json = omaha_port.updatecheck(omaha.ask(json_check("3.0", guide_app)))["manifest"]["packages"]["package"]

    assert [package.get("required") for package in packages] == ["true"]
    assert [package["required"] for package in in_json] == [True]


@pytest.mark.omaha_point(37, breaks="ue-rs, go-omaha: an empty or hexadecimal hash is an error to them, none is not")
@pytest.mark.parametrize(
    ("payload", "written"),
    [({"sha1": SHA1}, "+LXXjiaPkeYDLHoNKlf9arTBvnk="), ({}, None)],
    ids=["with SHA-1", "without"],
)  # fmt: skip
def test_hash_is_the_sha_1_in_base64_or_absent(offer, payload, written):
    """A package's hash is its SHA-1 in base64; without a SHA-1 there is no such attribute."""
    (package,) = elements(offer(**payload), "package")

    assert package.get("hash") == written


@pytest.mark.omaha_point(
    38, breaks="ue-rs, Chromium, Omaha 3; go-omaha's own Verify wants base64 here, against all others"
)
def test_hash_sha256_is_the_sha_256_in_lower_case_hexadecimal(omaha, guide_app):
    """hash_sha256, and what stands for it in later versions, is the payload's SHA-256 in 64 lower-case hexadecimal digits."""
    (package,) = elements(omaha.ask(xml_check(guide_app, machineid="m")), "package")
    told = {
        protocol: omaha_port.updatecheck(omaha.ask(json_check(protocol, guide_app)))
        for protocol in ("3.0", "3.1", "4.0")
    }
    download, install, *_ = told["4.0"]["pipelines"][0]["operations"]
    later = [told[protocol]["manifest"]["packages"]["package"][0] for protocol in ("3.0", "3.1")]

    assert package.get("hash_sha256") == omaha_fleet.SHA256
    assert [found["hash_sha256"] for found in later] == [omaha_fleet.SHA256] * 2
    assert (download["out"]["sha256"], install["in"]["sha256"]) == (omaha_fleet.SHA256, omaha_fleet.SHA256)
    assert {package.get("fp"), *(found["fp"] for found in later)} == {f"1.{omaha_fleet.SHA256}"}


PROGRAMS = [
    {"event": "preinstall", "run": "check.sh"},
    {"event": "install", "run": "setup.exe", "arguments": '/quiet "a b"'},
    {"event": "update", "run": "migrate"},
]


@pytest.mark.omaha_point(
    39, breaks="update_engine, ue-rs: the payload's digest is the postinstall action's, and ue-rs wants one in each"
)
@pytest.mark.parametrize("payload", [{}, {"actions": PROGRAMS}], ids=["payload alone", "with programs"])
def test_there_is_a_postinstall_action_and_every_action_has_the_digest_in_base64(offer, payload):
    """There is exactly one postinstall action, and each action has the payload's SHA-256 in base64."""
    actions = elements(offer(**payload), "action")

    assert {action.get("sha256") for action in actions} == {SHA256_BASE64}
    assert [action.get("event") for action in actions].count("postinstall") == 1
    wanted = {(program["event"], program["run"]) for program in payload.get("actions", [])}
    assert {(action.get("event"), action.get("run")) for action in actions if action.get("run")} == wanted


@pytest.mark.omaha_point(41, breaks="ue-rs, which takes the last manifest; updatectl, which takes the first")
@pytest.mark.parametrize("said", ["true", "false", None])
def test_there_is_one_manifest(omaha, guide_app, said):
    """There is exactly one manifest; floors before it, in order and the target last, are for clients that say multi_manifest_ok alone."""
    attributes = {} if said is None else {"multi_manifest_ok": said}
    reply = omaha.ask(xml_check(guide_app, machineid="m", **attributes))

    (manifest,) = elements(reply, "manifest")
    assert dict(manifest.attrib) == {"version": "1.1.0"}


@pytest.mark.omaha_point(41)
def test_floors_come_before_their_target_lowest_first():
    package = manifests.Package("update.gz", 23, sha256=bytes.fromhex(omaha_fleet.SHA256))
    floors = [
        manifests.Floor(manifests.Manifest(version, (package,)), reason)
        for version, reason in (("1.0.1", "a & b"), ("1.0.9", ""))
    ]
    offer = manifests.Offer((UPDATES,), manifests.Manifest("1.1.0", (package,)), tuple(floors))
    app = messages.AppResponse("io.foo.app", updatecheck=offer)

    written = xml30.write_response(messages.Response("3.0", messages.DayStart(7000, 0), (app,)))

    assert [dict(manifest.attrib) for manifest in etree.fromstring(written).iter("manifest")] == [
        {"version": "1.0.1", "is_floor": "true", "floor_reason": "a & b"},
        {"version": "1.0.9", "is_floor": "true"},
        {"version": "1.1.0", "is_target": "true"},
    ]


@pytest.mark.omaha_point(42, breaks="update_engine, Chromium: they try one URL after the other, and want at least one")
@EVERY_DIALECT
def test_several_urls_stay_in_their_order(offer, omaha, app_id, protocol):
    """There is at least one URL, and several keep the order in which they were written."""
    mirrors = ["https://z.example/", "http://a.example/deep/er/", "https://m.example/"]
    offer(url=f"{UPDATES}1.1.0/update.gz", mirrors=mirrors)

    reply = omaha.ask(check(protocol, app_id, machineid="m"))

    assert fetched(protocol, reply) == [f"{UPDATES}1.1.0/update.gz", *(f"{mirror}update.gz" for mirror in mirrors)]


@pytest.mark.omaha_point(
    43, breaks="flatcar-postinst, which looks for oem-*.gz; update_engine, to which the first package is the payload"
)
def test_extra_files_come_after_the_payload(offer, omaha, app_id):
    """Extra files are packages after the payload, in their order, each with its own size and digests."""
    extra = [
        {"name": "oem-qemu.gz", "size": 7, "sha256": omaha_fleet.OTHER_SHA256, "sha1": SHA1},
        {"name": "aaa.gz", "size": 9, "sha256": omaha_fleet.OTHER_SHA256},
    ]
    reply = offer(extraFiles=extra)

    packages = elements(reply, "package")
    assert [package.get("name") for package in packages] == ["update.gz", "oem-qemu.gz", "aaa.gz"]
    assert [package.get("size") for package in packages] == ["23", "7", "9"]
    assert [package.get("hash_sha256") for package in packages[1:]] == [omaha_fleet.OTHER_SHA256] * 2
    in_json = omaha_port.updatecheck(omaha.ask(json_check("3.1", app_id)))["manifest"]["packages"]["package"]
    assert [package["name"] for package in in_json] == ["update.gz", "oem-qemu.gz", "aaa.gz"]


@pytest.mark.omaha_point(44, breaks="every client: one ampersand in a URL and the document is none")
def test_characters_that_mean_something_in_xml_come_through(offer, omaha, app_id):
    """Markup characters, quotes and letters of every script reach the client as they were written."""
    odd = "<é&\"'> Größe 机器 \U0001f680 ]]>"
    texts = {"deadline": odd, "moreInfo": f"{UPDATES}?a=1&b=2", "displayVersion": odd}
    program = {"event": "install", "run": "setup.exe", "arguments": odd}

    reply = offer(url=f"{UPDATES}a&b/c'd.gz?x=1&y=2", signature="a+b/cw==", postinstall=texts, actions=[program])

    assert urls(reply) == [f"{UPDATES}a&b/c'd.gz?x=1&y=2"]
    actions = {action.get("event"): action for action in elements(reply, "action")}
    postinstall = actions["postinstall"]
    assert postinstall.get("MetadataSignatureRsa") == "a+b/cw=="
    assert [postinstall.get(name) for name in ("deadline", "MoreInfo", "DisplayVersion")] == list(texts.values())
    assert actions["install"].get("arguments") == odd
    assert omaha_port.updatecheck(omaha.ask(json_check("3.1", app_id)))["manifest"]["arguments"] == odd
