"""Where the control plane's programs come from: KUBEBUILDER_ASSETS, then the cache, then a build."""

import json
import subprocess
from pathlib import Path

import pytest

from updatectl.local.control_plane import binaries, building, versions


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


class Builder:
    """Builds at once, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.built: list[str] = []

    def __call__(self, components, folder, progress) -> None:
        self.built += components
        for component in components:
            executable(folder / component)


@pytest.fixture
def builder() -> Builder:
    return Builder()


@pytest.fixture
def find(tmp_path, builder):
    def run(environment=None, **options) -> binaries.Binaries:
        environment = {"UPDATE_SERVICE_CACHE": str(tmp_path / "cache"), **(environment or {})}
        return binaries.ensure(progress=lambda _: None, environment=environment, builder=builder, **options)

    return run


def test_what_is_nowhere_is_built_into_the_cache(find, builder, tmp_path):
    found = find()

    assert builder.built == list(binaries.COMPONENTS)
    assert all(found.path(component).is_relative_to(tmp_path / "cache") for component in binaries.COMPONENTS)


def test_what_is_cached_is_not_built_again(find, builder):
    first = find()
    builder.built.clear()

    assert find() == first
    assert builder.built == []


def test_only_what_the_cache_lacks_is_built(find, builder):
    find().path("kube-apiserver").unlink()
    builder.built.clear()
    find()

    assert builder.built == ["kube-apiserver"]


def test_a_cached_file_that_cannot_be_executed_is_built_again(find, builder):
    find().path("etcd").chmod(0o644)
    builder.built.clear()
    find()

    assert builder.built == ["etcd"]


def test_the_cache_is_keyed_by_both_versions(find):
    key = find().path("etcd").parent.name

    assert versions.KUBERNETES in key
    assert versions.ETCD in key


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        pytest.param(
            {"UPDATE_SERVICE_CACHE": "/own", "XDG_CACHE_HOME": "/xdg"}, "/own/control-plane", id="own-variable"
        ),
        pytest.param({"XDG_CACHE_HOME": "/xdg"}, "/xdg/update-service/control-plane", id="xdg"),
        pytest.param({}, str(Path.home() / ".cache/update-service/control-plane"), id="home"),
    ],
)
def test_the_cache_is_where_the_environment_says(environment, folder):
    assert binaries.default_cache_dir(environment) == Path(folder)


def test_assets_are_used_as_they_are_and_completed_by_the_controller_manager(find, builder, tmp_path):
    assets = tmp_path / "assets"
    etcd, api_server = executable(assets / "etcd"), executable(assets / "kube-apiserver")
    found = find({"KUBEBUILDER_ASSETS": str(assets)})

    assert (found.path("etcd"), found.path("kube-apiserver")) == (etcd, api_server)
    assert builder.built == ["kube-controller-manager"]


def test_a_controller_manager_among_the_assets_is_used_too(find, builder, tmp_path):
    for component in binaries.COMPONENTS:
        executable(tmp_path / "assets" / component)
    find({"KUBEBUILDER_ASSETS": str(tmp_path / "assets")})

    assert builder.built == []


@pytest.mark.parametrize("lacking", ["etcd", "kube-apiserver"])
def test_assets_without_an_essential_program_are_an_error_that_names_it(find, builder, tmp_path, lacking):
    for component in {"etcd", "kube-apiserver"} - {lacking}:
        executable(tmp_path / "assets" / component)

    with pytest.raises(binaries.BinariesError, match=f"KUBEBUILDER_ASSETS.*no executable {lacking};"):
        find({"KUBEBUILDER_ASSETS": str(tmp_path / "assets")})
    assert builder.built == []


def kubectl_that_answers(text: str, code: int = 0):
    return lambda command: subprocess.CompletedProcess(command, code, text)


def version_answer(version: str) -> str:
    return json.dumps({"clientVersion": {"gitVersion": version}})


@pytest.mark.parametrize(
    ("runner", "is_taken"),
    [
        pytest.param(kubectl_that_answers(version_answer("v1.32.0")), True, id="oldest-that-will-do"),
        pytest.param(kubectl_that_answers(version_answer("v1.32.4-dispatcher")), True, id="with-suffix"),
        pytest.param(kubectl_that_answers(version_answer("v1.31.9")), False, id="too-old"),
        pytest.param(kubectl_that_answers("no such option", code=1), False, id="fails"),
        pytest.param(kubectl_that_answers("{}"), False, id="says-nothing"),
    ],
)
def test_kubectl_on_path_is_taken_when_it_is_new_enough_else_built(tmp_path, builder, runner, is_taken):
    on_path = executable(tmp_path / "bin" / "kubectl")
    environment = {"PATH": str(on_path.parent), "UPDATE_SERVICE_CACHE": str(tmp_path / "cache")}
    found = binaries.ensure_kubectl(progress=lambda _: None, environment=environment, runner=runner, builder=builder)

    assert (found == on_path) is is_taken
    assert builder.built == ([] if is_taken else ["kubectl"])


@pytest.mark.parametrize(
    ("module", "requirement"),
    [
        pytest.param("kubernetes", f"k8s.io/kubernetes {versions.KUBERNETES}", id="kubernetes"),
        pytest.param("etcd", f"go.etcd.io/etcd/server/v3 {versions.ETCD}", id="etcd"),
    ],
)
def test_the_go_modules_pin_the_versions_that_the_cache_is_keyed_by(module, requirement):
    assert requirement in (building.modules_folder() / module / "go.mod").read_text()
