"""The three forms of a Package's url become the codebase and name that were meant."""

import pytest

from update_core import payloads

BASE = "https://downloads.example.com/webapp/"
DIGEST = "b602d630f0a081840d0ca8fc4d35810e42806642b3127bb702d65c3df227d0f5"


@pytest.mark.parametrize(
    "url",
    [
        "index.example.com/webapp:1.2.1",
        "localhost/webapp:1",
        "localhost:5000/team/web_app:latest",
        f"index.example.com/webapp@sha256:{DIGEST}",
        f"index.example.com/webapp:1.2.1@sha256:{DIGEST}",
    ],
)
def test_an_image_reference_is_handed_out_as_written(url):
    codebase, name = payloads.split(url, BASE)

    assert codebase + name == url


@pytest.mark.parametrize(
    "url", ["update.gz", "1.2.1/update.gz", "update.gz?token=a/b:c", "index.example.com/webapp", "host.example/a@b"]
)
def test_a_relative_path_stands_on_the_base(url):
    codebase, name = payloads.split(url, BASE)

    assert codebase + name == BASE + url
    assert codebase.endswith("/")


@pytest.mark.parametrize("url", ["https://mirror.example.com/update.gz", "http://127.0.0.1:8080/a/update.gz?x=1/2"])
def test_an_absolute_url_needs_no_base(url):
    codebase, name = payloads.split(url, BASE)

    assert codebase + name == url
    assert codebase.endswith("/")
