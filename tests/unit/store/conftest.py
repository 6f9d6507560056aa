"""Assertions of the contract explain themselves like those in test files."""

import pytest

pytest.register_assert_rewrite(
    "support.fleet_store_actions",
    "support.fleet_store_contract",
    "support.fleet_store_evidence",
    "support.fleet_store_granting",
)
