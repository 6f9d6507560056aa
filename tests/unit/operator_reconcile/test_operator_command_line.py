"""Does the operator's command line say what is wrong with it?"""

import pytest
from typer.testing import CliRunner

from update_operator import __main__ as command_line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--metrics-listen", "8082"], "--metrics-listen must be HOST:PORT", id="no host"),
        pytest.param(["--metrics-listen", "127.0.0.1:99999"], "--metrics-listen must be HOST:PORT", id="no port"),
        pytest.param(["--lease-seconds", "2"], "--lease-seconds must be at least 3", id="lease too short"),
        pytest.param(["--fleet-silence-seconds", "2"], "--fleet-silence-seconds must be at least 3", id="no patience"),
        pytest.param(["--log-level", "chatty"], "--log-level must be debug", id="no log level"),
        pytest.param(["--bogus"], "No such option", id="no such flag"),
    ],
)
def test_wrong_usage_is_exit_code_2_with_the_flag_named(arguments, said):
    result = CliRunner().invoke(command_line.app, ["run", *arguments])

    assert result.exit_code == 2
    assert said in result.output


def test_every_flag_can_come_from_the_environment():
    result = CliRunner().invoke(command_line.app, ["run"], env={"UPDATE_OPERATOR_LEASE_SECONDS": "2"})

    assert result.exit_code == 2
