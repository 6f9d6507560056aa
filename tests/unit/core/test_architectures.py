"""A machine's architecture has one name, whatever its client calls it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from update_core import architectures


@pytest.mark.parametrize(
    ("board", "arch", "sp", "name"),
    [
        pytest.param("amd64-usr", "", "", "amd64", id="Flatcar's board"),
        pytest.param("arm64-usr", "", "", "arm64", id="Flatcar's board for ARM"),
        pytest.param("x86-generic", "", "", "i386", id="ChromeOS' board"),
        pytest.param("eve-signed-mp-v3", "", "", "", id="board that names no architecture"),
        pytest.param("", "x64", "", "amd64", id="Chromium"),
        pytest.param("", "x86_64", "", "amd64", id="uname"),
        pytest.param("", "x86", "", "i386", id="Omaha 3 on 32 bits"),
        pytest.param("", "arm64", "", "arm64", id="Chromium on ARM"),
        pytest.param("", "ARM64", "", "arm64", id="capitals"),
        pytest.param("", "arm", "", "armhf", id="ARM of 32 bits"),
        pytest.param("", "riscv64", "", "riscv64", id="Debian's own name"),
        pytest.param("", "unknown", "", "", id="unknown"),
        pytest.param("", "", "1.2.3_x86_64", "amd64", id="service pack with an underscore in the machine"),
        pytest.param("", "", "3374.2.0_aarch64", "arm64", id="service pack"),
        pytest.param("", "", "ForcedUpdate_x86_64", "amd64", id="service pack of a forced update"),
        pytest.param("", "", "1.2.3_x86", "i386", id="service pack of 32 bits"),
        pytest.param("", "", "1.2.3", "", id="service pack without a machine"),
        pytest.param("", "", "x86_64", "", id="no service pack before the machine"),
        pytest.param("arm64-usr", "x64", "1_x86_64", "arm64", id="the board first"),
        pytest.param("eve", "arm64", "1_x86_64", "arm64", id="then os.arch"),
        pytest.param("eve", "unknown", "1_x86_64", "amd64", id="then the service pack"),
        pytest.param("", "", "", "", id="nothing said"),
    ],
)
def test_architecture_is_told_from_what_clients_send(board, arch, sp, name):
    assert architectures.of(board, arch, sp) == name


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_any_text_names_an_architecture_or_none(board, arch, sp):
    assert architectures.of(board, arch, sp) in {"", *architectures.NAMES}


@pytest.mark.parametrize("name", architectures.NAMES)
def test_debians_names_are_understood_wherever_they_stand(name):
    assert (
        architectures.of(board=f"{name}-usr") == architectures.of(arch=name) == architectures.of(sp=f"1_{name}") == name
    )


def test_the_packages_of_one_version_fit_into_a_stamp():
    # One for each architecture and one for all; Group.status.target holds 16.
    assert len(architectures.NAMES) + 1 <= 16
