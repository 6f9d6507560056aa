"""Kubeconfig files mean what they mean to kubectl."""

from __future__ import annotations

import base64
import os
import ssl

import pytest
import yaml

from update_kube import configuration, credentials, errors

CA = ssl.DER_cert_to_PEM_cert(ssl.create_default_context().get_ca_certs(binary_form=True)[0])


def write(path, *, current=None, contexts=(), clusters=(), users=()):
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "contexts": [{"name": name, "context": section} for name, section in contexts],
        "clusters": [{"name": name, "cluster": section} for name, section in clusters],
        "users": [{"name": name, "user": section} for name, section in users],
    }
    if current is not None:
        document["current-context"] = current
    path.write_text(yaml.safe_dump(document))
    return path


def simple(path, name, server, **context):
    return write(
        path,
        current=name,
        contexts=[(name, {"cluster": name, "user": name, **context})],
        clusters=[(name, {"server": server})],
        users=[(name, {"token": f"token-of-{name}"})],
    )


async def authorization(config):
    return (await config.credentials.identity()).authorization


async def test_the_current_context_gives_server_namespace_and_token(tmp_path):
    file = simple(tmp_path / "config", "prod", "https://prod.example:6443/", namespace="fleet")

    config = configuration.load(file, environ={})

    assert (config.server, config.namespace) == ("https://prod.example:6443", "fleet")
    assert await authorization(config) == "Bearer token-of-prod"


async def test_a_named_context_wins_over_the_current_one(tmp_path):
    one = simple(tmp_path / "one", "one", "https://one.example")
    two = simple(tmp_path / "two", "two", "https://two.example")

    config = configuration.load(None, "two", environ={"KUBECONFIG": f"{one}{os.pathsep}{two}"})

    assert config.server == "https://two.example"
    assert config.namespace == "default"
    assert await authorization(config) == "Bearer token-of-two"


async def test_where_files_define_the_same_the_first_counts(tmp_path):
    one = simple(tmp_path / "one", "same", "https://first.example")
    two = simple(tmp_path / "two", "same", "https://second.example")

    config = configuration.load(environ={"KUBECONFIG": f"{one}{os.pathsep}{two}"})

    assert config.server == "https://first.example"


async def test_sections_of_one_context_may_stand_in_different_files(tmp_path):
    one = write(tmp_path / "one", contexts=[("c", {"cluster": "k", "user": "u"})])
    two = write(tmp_path / "two", current="c", clusters=[("k", {"server": "https://k.example"})])
    three = write(tmp_path / "three", users=[("u", {"token": "t"})])
    missing = tmp_path / "missing"
    empty = tmp_path / "empty"
    empty.touch()

    listed = os.pathsep.join(map(str, (missing, empty, one, "", two, three)))
    config = configuration.load(environ={"KUBECONFIG": listed})

    assert config.server == "https://k.example"
    assert await authorization(config) == "Bearer t"


def test_without_kubeconfig_in_the_environment_it_is_the_one_in_the_home_folder(tmp_path):
    simple(tmp_path / ".kube" / "config", "home", "https://home.example")

    assert configuration.load(environ={"HOME": str(tmp_path)}).server == "https://home.example"


async def test_relative_files_are_beside_the_kubeconfig_that_names_them(tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "ca.pem").write_text(CA)
    (folder / "token").write_text("from-a-file\n")
    file = write(
        folder / "config",
        current="c",
        contexts=[("c", {"cluster": "k", "user": "u"})],
        clusters=[("k", {"server": "https://k.example", "certificate-authority": "ca.pem"})],
        users=[("u", {"tokenFile": "token"})],
    )
    monkeypatch.chdir(tmp_path)

    config = configuration.load(file.relative_to(tmp_path), environ={})

    assert config.ca_data == CA
    assert await authorization(config) == "Bearer from-a-file"


def test_cluster_settings_are_kept(tmp_path):
    encoded = base64.b64encode(CA.encode()).decode()
    cluster = {
        "server": "https://k.example",
        "certificate-authority-data": encoded,
        "tls-server-name": "inside.example",
        "proxy-url": "http://proxy.example:3128",
    }
    contexts = [("c", {"cluster": "k", "user": ""})]
    file = write(tmp_path / "config", current="c", contexts=contexts, clusters=[("k", cluster)])

    config = configuration.load(file, environ={})

    assert config.ca_data == CA
    assert (config.tls_server_name, config.proxy) == ("inside.example", "http://proxy.example:3128")
    assert config.verify_tls
    assert isinstance(config.credentials, credentials.Static)


def context_to(cluster=None, user=None):
    def make(tmp_path):
        return write(
            tmp_path / "config",
            current="c",
            contexts=[("c", {"cluster": "k", "user": "u"})],
            clusters=[("k", cluster)] if cluster is not None else [],
            users=[("u", user)] if user is not None else [],
        )

    return make


def text(content):
    def make(tmp_path):
        file = tmp_path / "config"
        file.write_text(content)
        return file

    return make


TROUBLE = {
    "no such file": (lambda tmp_path: tmp_path / "config", "no kubeconfig found .*config.* not a pod"),
    "a folder": (lambda tmp_path: tmp_path, "cannot read the kubeconfig .*[Dd]irectory"),
    "not YAML": (text("a: [b"), "is not valid YAML"),
    "not a mapping": (text("- a"), "is not a kubeconfig"),
    "no current context": (lambda t: write(t / "config", contexts=[("a", {}), ("b", {})]), "choose one of: a, b"),
    "no context at all": (lambda t: write(t / "config"), "choose one of: none"),
    "an entry without a name": (text("contexts: [{context: {}}]"), "every entry of contexts needs a name"),
    "a cluster that isn't there": (context_to(user={}), "refers to the cluster 'k', which .* doesn't define"),
    "a user that isn't there": (context_to(cluster={"server": "https://x"}), "refers to the user 'u'"),
    "a cluster without a server": (context_to({}, {}), "has no server"),
    "a server that is no URL": (context_to({"server": "k.example"}, {}), "must be a URL such as"),
    "a CA file that isn't there": (
        context_to({"server": "https://x", "certificate-authority": "nowhere.pem"}, {}),
        "cannot read the CA file .*nowhere.pem: No such file",
    ),
    "a CA that isn't base64": (
        context_to({"server": "https://x", "certificate-authority-data": "%%%"}, {}),
        "is not base64 of a PEM certificate",
    ),
    "a CA that isn't a certificate": (
        context_to({"server": "https://x", "certificate-authority-data": "aGVsbG8="}, {}),
        "holds no usable PEM certificate",
    ),
}


@pytest.mark.parametrize(("make", "message"), TROUBLE.values(), ids=TROUBLE)
def test_trouble_is_named_with_what_to_do(tmp_path, make, message):
    with pytest.raises(errors.CredentialsError, match=message):
        configuration.load(make(tmp_path), environ={})


def test_an_unknown_context_names_those_there_are(tmp_path):
    one = simple(tmp_path / "one", "one", "https://one.example")
    two = simple(tmp_path / "two", "two", "https://two.example")

    with pytest.raises(errors.CredentialsError, match=r"no context 'tow' in .*one.*two; there are: one, two"):
        configuration.load(None, "tow", environ={"KUBECONFIG": f"{one}{os.pathsep}{two}"})


def test_the_ca_of_a_server_is_found_in_any_cluster_of_the_kubeconfig(tmp_path):
    encoded = base64.b64encode(CA.encode()).decode()
    clusters = [
        ("a", {"server": "https://a.example"}),
        ("b", {"server": "https://b.example/", "certificate-authority-data": encoded}),
    ]
    environ = {"KUBECONFIG": str(write(tmp_path / "config", clusters=clusters))}

    assert configuration.ca_for_server("https://b.example", environ=environ) == CA
    assert configuration.ca_for_server("https://c.example", environ=environ) is None
