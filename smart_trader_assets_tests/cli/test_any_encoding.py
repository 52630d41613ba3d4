"""Whatever the terminal's encoding: the command says what it has to say."""

import io
import sys

import pytest

from smart_trader_assets.cli.any_encoding import show_in_any_encoding, spelled
from smart_trader_assets_tests.support.command import installed


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "ok -2.9 % ... ?? x"),
        ("latin-1", "ok -2.9 % ... ?? x"),
        ("utf-8", "✓ −2.9 % … 日本 ✗"),
    ],
)
def test_signs_keep_their_meaning(monkeypatch, encoding, shown):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    show_in_any_encoding()
    sys.stdout.write("✓ −2.9 % … 日本 ✗")
    sys.stdout.flush()
    assert written.getvalue().decode(encoding) == shown


def test_only_what_is_written_is_spelled_otherwise():
    error = UnicodeDecodeError("ascii", b"\xff", 0, 1, "no")
    with pytest.raises(UnicodeDecodeError):
        spelled(error)


def test_the_command_itself_runs_on_a_plain_terminal(tmp_path):
    result = installed(
        "smart-trader",
        *("state", "--data", str(tmp_path / "nothing")),
        variables={"PYTHONIOENCODING": "ascii"},
    )
    assert result.returncode == 1
    assert "x There is no root at" in result.stderr
