"""Does the Omaha service's command line say what is wrong with it?"""

import pytest
from typer.testing import CliRunner

from omaha_api import __main__ as command_line


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        pytest.param(["--listen", "8080"], "--listen must be host:port", id="listen"),
        pytest.param(["--database", "mysql://x"], "--database must be sqlite:///file", id="database"),
        pytest.param(["--kube-server", "https://x"], "need each other", id="server without account"),
        pytest.param(["--tls-cert-file", "x"], "need each other", id="certificate without key"),
        pytest.param(["--fleet-listen", "x"], "--fleet-listen must be host:port", id="fleet listen"),
        pytest.param(["--package-base-url", "ftp://x"], "--package-base-url must begin with", id="base url"),
        pytest.param(
            ["--trusted-proxy", "::/0", "--trusted-proxy", "lb"], "--trusted-proxy must be", id="trusted proxy"
        ),
        pytest.param(["--secret-path", "short"], "--secret-path must be 16 to 128", id="short secret"),
        pytest.param(["--secret-path", "a/path/with/slashes"], "--secret-path must be", id="secret of several parts"),
        pytest.param(["--new-ids-per-minute", "-1"], "--new-ids-per-minute", id="new ids"),
        pytest.param(["--kubeconfig", "/nowhere"], "/nowhere", id="no kubeconfig"),
    ],
)
def test_a_flag_that_cannot_be_used_is_named_and_nothing_is_made(tmp_path, monkeypatch, flags, said):
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(command_line.app, ["serve", *flags])

    assert result.exit_code == 2
    assert said in result.output
    assert isinstance(result.exception, SystemExit)
    assert not list(tmp_path.iterdir())
