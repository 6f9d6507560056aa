"""Where a payload is fetched: what clients put together again from codebase and name is exactly what was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from update_core import payloads
from update_core.resources.package import PackageSpec
from update_core.rollout.model import ExtraFile, PostInstall, Program

BASE = "https://packages.example.com/app/"
DIGEST = "sha256:" + "b6" * 32
SEGMENTS = st.lists(st.text("abcXYZ0189._-~%+", min_size=1, max_size=8), min_size=1, max_size=4)
HOSTS = st.sampled_from(["packages.example.com", "localhost:8080", "[::1]:8080", "10.0.0.1"])
QUERIES = st.one_of(st.just(""), st.text("ab/=&?%1", max_size=12).map("?{}".format))


@pytest.mark.parametrize(
    ("url", "codebase", "name"),
    [
        pytest.param("update.gz", BASE, "update.gz", id="relative"),
        pytest.param("1.1.0/update.gz", BASE + "1.1.0/", "update.gz", id="relative with folders"),
        pytest.param("/1.1.0/update.gz", BASE + "1.1.0/", "update.gz", id="leading slash"),
        pytest.param("https://cdn.example.com/a/b.gz", "https://cdn.example.com/a/", "b.gz", id="absolute"),
        pytest.param("HTTP://cdn.example.com/b.gz", "HTTP://cdn.example.com/", "b.gz", id="scheme in capitals"),
        pytest.param("https://c.example.com/b?key=a/b", "https://c.example.com/", "b?key=a/b", id="query with a slash"),
        pytest.param("index.example.com/webapp:1.2.1", "index.example.com/", "webapp:1.2.1", id="image by tag"),
        pytest.param(f"quay.io/org/app@{DIGEST}", "quay.io/org/", f"app@{DIGEST}", id="image by digest"),
        pytest.param("localhost:5000/app:1", "localhost:5000/", "app:1", id="image of a local registry"),
        pytest.param("v1.1/update.gz", BASE + "v1.1/", "update.gz", id="folder that looks like a host"),
        pytest.param("folder/app:1.2.1", BASE + "folder/", "app:1.2.1", id="no host"),
    ],
)
def test_url_is_split_into_codebase_and_name(url, codebase, name):
    assert payloads.split(url, BASE) == (codebase, name)


def test_base_without_a_slash_gets_one():
    assert payloads.split("update.gz", "https://packages.example.com/app") == (BASE, "update.gz")


@given(host=HOSTS, segments=SEGMENTS, query=QUERIES)
def test_codebase_and_name_together_are_the_absolute_url(host, segments, query):
    url = f"https://{host}/{'/'.join(segments)}{query}"

    codebase, name = payloads.split(url, BASE)

    assert codebase + name == url
    assert codebase.endswith("/")
    assert "/" not in name.partition("?")[0]


@given(segments=SEGMENTS, query=QUERIES)
def test_codebase_and_name_together_are_the_base_and_the_relative_url(segments, query):
    url = "/".join(segments) + query

    codebase, name = payloads.split(url, BASE)

    assert codebase + name == BASE + url
    assert codebase.endswith("/")


@given(
    host=st.sampled_from(["index.example.com", "localhost", "localhost:5000", "10.0.0.1:443"]),
    path=st.lists(st.text("abc09._-", min_size=1, max_size=6), min_size=1, max_size=3),
    tag=st.sampled_from([":1.2.1", ":latest", f"@{DIGEST}", f":1.2.1@{DIGEST}"]),
)
def test_image_reference_is_handed_out_exactly_as_written(host, path, tag):
    reference = f"{host}/{'/'.join(path)}{tag}"

    assert payloads.is_image_reference(reference)
    assert "".join(payloads.split(reference, BASE)) == reference


@pytest.mark.parametrize(
    "url",
    ["update.gz", "index.example.com/webapp", "index.example.com", "webapp:1.2.1", "index.example.com/Web:1", "a/b:c"],
)
def test_other_relative_urls_are_no_image_references(url):
    assert not payloads.is_image_reference(url)


def test_located_payload_carries_what_the_package_says_of_its_bytes():
    spec = PackageSpec.model_validate(
        {
            "applicationRef": {"name": "app"},
            "version": "1.1.0",
            "url": "update.gz",
            "size": 23,
            "sha256": "b6" * 32,
            "sha1": "f8" * 20,
            "signature": "ixi6Oebo",
            "metadataSize": 190,
        }
    )

    located = payloads.locate(spec, BASE)

    assert (located.codebase, located.name, located.size, located.sha256) == (BASE, "update.gz", 23, "b6" * 32)
    assert (located.sha1, located.signature, located.metadata_size) == ("f8" * 20, "ixi6Oebo", 190)


def spec(**fields):
    """A Package's spec with these fields."""
    required = {
        "applicationRef": {"name": "app"},
        "version": "1.1.0",
        "url": "1/update.gz",
        "size": 1,
        "sha256": "b6" * 32,
    }
    return PackageSpec.model_validate(required | fields)


def test_located_payload_carries_what_goes_with_it():
    located = payloads.locate(
        spec(
            arch="arm64",
            mirrors=["https://one.example.com/1/", "https://two.example.com/1/"],
            extraFiles=[{"name": "oem-ami.gz", "size": 7, "sha256": "a1" * 32, "sha1": "f8" * 20}],
            actions=[{"event": "install", "run": "setup.exe", "arguments": "/quiet"}, {"event": "update", "run": "x"}],
            postinstall={
                "needsAdmin": True,
                "deadline": "now",
                "prompt": True,
                "moreInfo": "https://www.example.com/",
                "displayVersion": "Spring",
                "maxFailureCountPerURL": 3,
                "disablePayloadBackoff": False,
            },
        ),
        BASE,
    )

    assert (located.arch, located.codebase) == ("arm64", BASE + "1/")
    assert located.mirrors == ("https://one.example.com/1/", "https://two.example.com/1/")
    assert located.extra_files == (ExtraFile("oem-ami.gz", 7, "a1" * 32, "f8" * 20),)
    assert located.programs == (Program("install", "setup.exe", "/quiet"), Program("update", "x"))
    assert located.postinstall == PostInstall(True, "now", True, "https://www.example.com/", "Spring", 3, False)


def test_a_package_that_says_nothing_more_is_for_every_architecture_and_tells_the_usual():
    located = payloads.locate(spec(), BASE)

    assert (located.arch, located.mirrors, located.extra_files, located.programs) == ("", (), (), ())
    assert located.postinstall == PostInstall()
    assert located.postinstall.disable_payload_backoff
