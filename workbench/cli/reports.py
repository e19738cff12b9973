"""`workbench run` and `workbench list`: reports made, and what there is to make them of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.options import AsOf, Columns, Engine, Exclude, filters, mapping, named_values

if TYPE_CHECKING:
    import pandas as pd

Seed = Annotated[int, typer.Option(help="Decides all random draws.")]


def run(name: Annotated[str, typer.Argument(metavar="PACK|NOTEBOOK", help="reports/NAME.toml, or notebooks/NAME.ipynb.")],
        data: Annotated[Path | None, typer.Option(help="A ratings file or dataset folder; default: the pack's own.")] = None,
        period: Annotated[str | None, typer.Option(help="2026-W46 or 2026-11; default: the last complete week.")] = None,
        since: Annotated[str | None, typer.Option(help="Every complete week from this one on.")] = None,
        as_of: AsOf = None, engine: Engine = None,
        settings: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE",
                                                           help="A notebook's parameter. Repeatable.")] = None,
        column: Columns = None, exclude: Exclude = None,
        jobs: Annotated[int | None, typer.Option(min=1, help="Notebooks run at once; default: one a core.")] = None,
        force: Annotated[bool, typer.Option("--force", help="Make it again; the old one moves aside.")] = False,
        seed: Seed = 0) -> None:
    """Make a report of a pack or of one notebook."""
    parameters, columns, excluded = named_values(settings), mapping(column), filters(exclude)
    from workbench import report

    data = data if as_of is None else pinned_data(name, data, as_of)
    with report.show_progress() as progress:
        runs = report.run(name, data=data, period=period, since=since, engine=engine, parameters=parameters, columns=columns,
                          exclude=excluded, jobs=jobs, force=force, seed=seed, progress=progress)
    for made in runs:
        print(f"{made.index}{'  (there already: nothing has changed)' if made.reused else ''}")


def pinned_data(name: str, data: Path | None, as_of: str) -> Path:
    """The data of a run as they stood: DATA@VERSION, which every notebook then reads. Errors: `ParameterError`."""
    from workbench.report.pack import find_workspace, load_pack
    from workbench.store.history import pin

    root = find_workspace()
    return pin(data or root / load_pack(name, workspace=root).data, as_of)


def list_all() -> None:
    """Packs, notebooks with their parameters, and the reports made so far."""
    from rich.console import Console

    from workbench import report
    from workbench.cli.tables import rich_table

    listed = Console()
    listed.print(rich_table(runnable(), title="What can be run"))
    runs = report.list_runs()
    if runs.empty:
        listed.print("No report has been made yet. Make one with: workbench run NAME", markup=False)
        return
    columns = {"pack": "report", "period": "period", "status": "status", "n_alarm": "alarms", "n_attention": "attention", "path": "path"}
    listed.print(rich_table(runs[list(columns)].rename(columns=columns), title="Reports"))


def runnable() -> pd.DataFrame:
    """Packs with their notebooks, and notebooks with their own parameters: name, kind, holds."""
    import pandas as pd

    from workbench import report
    from workbench.report.pack import find_workspace
    from workbench.report.parameters import SET_BY_RUN, read_notebook, read_parameters

    root = find_workspace()
    packs = [report.load_pack(p.stem, workspace=root) for p in sorted((root / "reports").glob("*.toml"))]
    rows = [(pack.name, "pack", ", ".join(n.name for n in pack.notebooks)) for pack in packs]
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        own = read_parameters(read_notebook(path), name=path.stem)
        rows.append((path.stem, "notebook", ", ".join(str(p) for p in own.values() if p.name not in SET_BY_RUN)))
    return pd.DataFrame(rows, columns=["name", "kind", "holds"])
