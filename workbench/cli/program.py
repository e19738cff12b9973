"""The program: its commands, its version, and how an error leaves it."""

from __future__ import annotations

import gc
import sys
from typing import Annotated

import typer

from workbench.cli.data import data
from workbench.cli.datasets import check, simulate
from workbench.cli.exporting import export
from workbench.cli.importing import import_files
from workbench.cli.lab import lab
from workbench.cli.reports import compare, gate, init, list_all, prune, run, verify
from workbench.errors import ParameterError, WorkbenchError

RARELY = 50_000     # objects made between two looks for such as only hold each other: imports make many, and none of that kind

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich",
                  context_settings={"help_option_names": ["-h", "--help"]})
app.command("init")(init)
app.command("run")(run)
app.command("list")(list_all)
app.command("verify")(verify)
app.command("gate")(gate)
app.command("compare")(compare)
app.command("prune")(prune)
app.command("check")(check)
app.command("import")(import_files)
app.add_typer(data, name="data")
app.add_typer(export, name="export")
app.command("simulate")(simulate)
app.command("lab", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(lab)


def show_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"workbench {version('workbench')}")
        except PackageNotFoundError:
            print("workbench, run from its sources without being installed")
        raise typer.Exit


@app.callback()
def workbench(version: Annotated[bool, typer.Option("--version", callback=show_version, is_eager=True,
                                                    help="Print the version and leave.")] = False) -> None:
    """Measure the quality of the human judgement that AI models are trained on."""


def start(arguments: list[str] | None = None) -> None:
    """Run a command; an error of the reader's making is one message on standard error and an exit code, no traceback."""
    gc.set_threshold(RARELY, 20, 20)
    try:
        app(args=arguments, prog_name="workbench")
    except WorkbenchError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        raise SystemExit(2 if isinstance(error, ParameterError) else 1) from None
