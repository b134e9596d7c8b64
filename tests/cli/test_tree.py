"""The tree of commands: what the overview says of each is what the command says of itself, and none is loaded before it is called."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from channelsync.cli.app import app
from channelsync.cli.tree import COMMANDS, written


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_is_the_first_paragraph_of_its_own_help(name: str) -> None:
    paragraph = (written(name).help or "").split("\n\n")[0]
    assert re.sub(r"\s+", " ", paragraph).strip() == COMMANDS[name].summary


def test_the_overview_names_every_command() -> None:
    shown = CliRunner().invoke(app, ["--help"], terminal_width=200).stdout
    assert [name for name in COMMANDS if not re.search(rf"^│ {name} ", shown, re.MULTILINE)] == []


def test_a_word_that_is_nearly_a_command_is_answered_with_it() -> None:
    refused = CliRunner().invoke(app, ["plam"])
    assert refused.exit_code == 2
    assert "Did you mean 'plan'" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "unloaded"),
    [
        (["--help"], ("sqlalchemy", "channelsync.config", "channelsync.ledger")),
        (["stock", "show", "--help"], ("channelsync.engine.loops", "channelsync.shell.assemble", "uvicorn", "starlette")),
    ],
)
def test_nobody_waits_for_what_the_command_does_not_need(arguments: list[str], unloaded: tuple[str, ...]) -> None:
    program = (
        "import sys\nfrom channelsync.cli import main\n"
        f"try:\n    sys.argv[1:] = {arguments}\n    main()\n"
        f"finally:\n    print('loaded:', [name for name in {unloaded} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded: []"
