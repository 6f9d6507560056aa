"""What machines say of themselves, as labels."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from update_core.fleet import attributes
from update_core.fleet.attributes import Attributes

LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
"""What the API server accepts as a label's value (k8s.io/apimachinery, IsValidLabelValue), besides the length."""


@given(st.text(max_size=200))
def test_every_reported_text_becomes_a_label_value_that_kubernetes_accepts(text):
    value = attributes.label_value(text)

    assert LABEL_VALUE.fullmatch(value)
    assert len(value) <= 63


@given(st.from_regex(LABEL_VALUE, fullmatch=True).filter(lambda text: len(text) <= 63))
def test_what_is_a_label_value_already_stays_as_it_is(text):
    assert attributes.label_value(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("ami", "ami", id="plain"),
        pytest.param("4152.2.0_x86_64", "4152.2.0_x86_64", id="sp"),
        pytest.param("Windows 11 (Pro)", "Windows-11-Pro", id="blanks and brackets"),
        pytest.param("¡hola!", "hola", id="other scripts"),
        pytest.param("---", "", id="nothing left"),
        pytest.param("a" * 62 + "._b", "a" * 62, id="no separator at the cut"),
    ],
)
def test_values_are_cut_and_cleaned(text, value):
    assert attributes.label_value(text) == value


def test_labels_have_our_prefix_and_name_only_what_was_sent():
    machine = Attributes(oem="ami", board="amd64-usr", platform="***")

    assert attributes.labels(machine) == {
        "fleet.updateservice.dev/oem": "ami",
        "fleet.updateservice.dev/board": "amd64-usr",
    }
    assert machine.to_wire() == {"oem": "ami", "board": "amd64-usr", "platform": "***"}
