"""Commands run in this process, for all tests of the command line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from workbench.cli import main


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command: exit code, standard output, standard error."""
    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return left.value.code or 0, " ".join(said.out.split()), said.err

    return run
