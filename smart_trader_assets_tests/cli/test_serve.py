"""What serves until it is stopped takes what it has started with it."""

import signal
import subprocess
import sys

import pytest

_CHILD = "import time; print('up', flush=True); time.sleep(600)"
_PARENT = (
    "import os, sys; from smart_trader_assets.cli.serve import run_until_stopped; "
    f"sys.exit(run_until_stopped([sys.executable, '-c', {_CHILD!r}], os.environ))"
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_who_stops_the_command_stops_what_it_runs(number):
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        parent.send_signal(number)
        # The pipe ends once the last process that holds it is gone.
        assert parent.stdout.read() == b""
        assert parent.wait() == 128 + signal.SIGTERM
