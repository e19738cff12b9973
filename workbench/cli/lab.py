"""`workbench lab`: JupyterLab on the notebooks, asking nothing of the network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from workbench.errors import ParameterError, ReportError

# JupyterLab would look for news, for its own updates and for extensions.
OFFLINE = ("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
           "--LabApp.extension_manager=readonly")
# and ask whoever opens it first about the news: a default of ours says no, which a user's own setting outranks
DEFAULTS = Path(__file__).parent / "jupyter"


def lab(context: typer.Context,
        port: Annotated[int | None, typer.Option(min=1, max=65535, help="Default: the first free from 8888 on.")] = None,
        browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True) -> None:
    """Open JupyterLab on the notebooks, or on one of them: workbench lab review. Further options go to `jupyter lab`."""
    named = context.args[:1] if context.args and not context.args[0].startswith("-") else []
    raise typer.Exit(open_lab(lab_command(named=named, port=port, browser=browser, further=context.args[len(named):])))


def lab_command(*, named: list[str], port: int | None, browser: bool, further: list[str]) -> list[str]:
    """The command that starts JupyterLab on this workspace's notebooks, or on the `named` one.

    Errors: `ReportError` outside a workspace, `ParameterError` for a notebook that is not there, naming those that are.
    """
    from workbench.cache import workspace

    root = workspace()
    if root is None:
        raise ReportError("no workspace here: a folder that holds notebooks/ and reports/ was expected, and neither this folder "
                          "nor one above it is one. Change into it.")
    known = sorted(p.stem for p in (root / "notebooks").glob("*.ipynb"))
    if named and named[0].removesuffix(".ipynb") not in known:
        raise ParameterError(f"{named[0]!r} is no notebook here. Use one of: {', '.join(known) or 'none'}.")
    place = root / "notebooks" / f"{named[0].removesuffix('.ipynb')}.ipynb" if named else root / "notebooks"
    chosen = [f"--ServerApp.port={port}"] if port else []
    chosen += [] if browser else ["--no-browser"]
    return [sys.executable, "-m", "jupyterlab", str(place), *OFFLINE, *chosen, *further]


def open_lab(command: list[str]) -> int:
    """Run JupyterLab until it ends; its exit code."""
    import os
    import subprocess

    places = filter(None, (os.environ.get("JUPYTER_CONFIG_PATH"), str(DEFAULTS)))
    try:
        return subprocess.run(command, check=False, env={**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(places)}).returncode
    except KeyboardInterrupt:
        return 0
