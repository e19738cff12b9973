"""`workbench run` and `workbench list`: reports made, and what there is to make them of."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.options import AsOf, Columns, Engine, Exclude, filters, mapping, named_values
from workbench.errors import ReportError

if TYPE_CHECKING:
    import pandas as pd

Run = Annotated[str, typer.Argument(metavar="RUN", help="A report's folder, or PACK, PACK/PERIOD, PACK/PERIOD/VERSION: the latest.")]
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
        deliver: Annotated[bool, typer.Option("--deliver/--no-deliver", help="Tell those whom the pack's [[deliver]] names; with "
                                                                             "--no-deliver nobody is told, nor later.")] = True,
        seed: Seed = 0) -> None:
    """Make a report of a pack or of one notebook: of the last complete week, and of those missing since the last one made."""
    parameters, columns, excluded = named_values(settings), mapping(column), filters(exclude)
    from workbench import report

    data = data if as_of is None else pinned_data(name, data, as_of)
    began = dt.datetime.now(dt.timezone.utc)
    try:
        with report.show_progress() as progress:
            runs = report.run(name, data=data, period=period, since=since, engine=engine, parameters=parameters, columns=columns,
                              exclude=excluded, jobs=jobs, force=force, seed=seed, progress=progress)
    except ReportError as failed:
        try:
            report.deliver(name, hold=None if deliver else began)
        except ReportError as lost:
            if str(lost) != str(failed):    # as where the pack cannot be read
                raise ReportError(f"{failed} {lost}") from None
        raise
    for made in runs:
        print(f"{made.index}{'  (there already: nothing has changed)' if made.reused else ''}", flush=True)   # before what may fail below
    for told in report.deliver(name, hold=None if deliver else began):
        print(told)


def verify(name: Run, again: Annotated[bool, typer.Option("--rerun", help="Also make it again on its data, and demand the same.")] = False,
           data: Annotated[Path | None, typer.Option(help="Where its data lie; default: the pack's own.")] = None,
           settings: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter that was a path, which no "
                                                              "report records. Repeatable.")] = None) -> None:
    """Is a report as it was made? Leaves with 1 where it is not."""
    from workbench import report

    found = report.find_run(name)
    files = report.altered(found)
    for row in files.itertuples():
        print(f"{row.file}: {row.what}")
    print(f"{name}: {f'{len(files)} of' if len(files) else 'all'} {len(found.manifest['files'])} files "
          f"{'are not as they were made' if len(files) else 'are as they were made'}")
    differ = report.rerun(found.path, data=data, parameters=named_values(settings)) if again else files.head(0)
    for row in differ.itertuples():
        print(f"{row.table} {row.id}: {row.then or '(not there)'}; now {row.now or '(not there)'}")
    if again:
        print(f"{name}: made again, {f'{len(differ)} rows differ' if len(differ) else 'it says the same'}")
    if len(files) or len(differ):
        raise typer.Exit(1)


def gate(name: Run, junit: Annotated[Path | None, typer.Option(help="Also write JUnit XML here.")] = None) -> None:
    """Do the gates of a report let a delivery pass? Leaves with 3 where one is closed."""
    from workbench import report

    found = report.find_run(name)
    gates = found.manifest["gates"]
    for one in gates:
        print(f"{'open  ' if one['open'] else 'CLOSED'}  {one['name']}{': ' + one['why'] if one['why'] else ''}")
    if junit:
        report.junit(gates, suite=f"{found.pack} {found.period}", path=junit)
    if not gates:
        print(f"{name}: its pack has no [[gate]]; the comment in reports/weekly.toml says what one takes")
    if not all(one["open"] for one in gates):
        raise typer.Exit(3)


def compare(then: Run, now: Run, limit: Annotated[int, typer.Option(min=1, help="Rows of each table to show.")] = 20,
            data: Annotated[Path | None, typer.Option(help="Where their data lie; default: the pack's own.")] = None) -> None:
    """What changed from one report to another, and what they were made from."""
    from rich.console import Console

    from workbench import report
    from workbench.cli.tables import rich_table

    found, said = report.compare(then, now, data=data), Console()
    made, told = found.made, found.estimates[found.estimates["told"]]
    sides = " and ".join(f"{one.period} ({one.version})" for one in (found.then, found.now))
    said.print(f"{found.then.pack}: {sides}", highlight=False)
    for title, table in (("What they were made from", made), ("Findings", found.findings.drop(columns="sentence_then")),
                         ("Estimates told to have changed", told[["notebook", "name", "place", "then", "now", "low", "high", "q"]])):
        said.print(rich_table(table.head(limit), title=f"{title}{f' ({len(table):,})' if len(table) > limit else ''}") if len(table)
                   else f"{title}: none", highlight=False)
    counts = found.estimates["change"].value_counts()
    said.print(", ".join(f"{counts.get(kind, 0):,} estimates {kind}" for kind in ("changed", "appeared", "gone"))
               + f"; {len(told):,} told from noise at a false discovery rate of 5 %.", highlight=False, soft_wrap=True)
    rests = {said: int(found.estimates["note"].str.startswith(start).sum()) for start, said in report.RESTS.items()}
    if any(rests.values()):
        said.print(f"Of the changes, {', '.join(f'{n:,} {words}' for words, n in rests.items() if n)}.", highlight=False, soft_wrap=True)
    if found.joint:
        said.print(f"The ratings of both could not be read: {found.joint}.", highlight=False, soft_wrap=True)
    if not found.by_data_alone:
        said.print("More than data differs: a change may come from code, parameters or rubric, and is no drift.", highlight=False)


def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is new or empty.")],
         sample: Annotated[bool, typer.Option("--sample/--no-sample", help="With the synthetic sample to try it on.")] = True) -> None:
    """Make a workspace: notebooks, the weekly pack, and a sample to try them on."""
    from workbench import report

    print(f"{report.begin(folder, sample=sample)}: a workspace. Change into it, then: workbench run weekly")


def prune(keep: Annotated[int, typer.Option(min=1, help="The latest periods of each pack to keep.")],
          pack: Annotated[str, typer.Option(help="Of this pack alone.")] = "",
          dry: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False) -> None:
    """Remove old reports, and of the periods kept what a newer version replaced."""
    from workbench import report

    gone = report.prune(keep=keep, pack=pack, dry=dry)
    if not dry:
        report.write_shelf()
    for path in gone["path"]:
        print(path)
    print(f"{len(gone)} reports {'would be removed' if dry else 'removed'}")


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
    from workbench.report.pack import find_workspace, pack_files
    from workbench.report.parameters import SET_BY_RUN, read_notebook, read_parameters

    root = find_workspace()
    packs = [report.load_pack(name, workspace=root) for name in pack_files(root)]
    rows = [(pack.name, "pack", ", ".join(n.name for n in pack.notebooks)) for pack in packs]
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        if path.stem == "review":
            rows.append((path.stem, "panel", "worked in, not run: workbench lab review"))
            continue
        own = read_parameters(read_notebook(path), name=path.stem)
        rows.append((path.stem, "notebook", ", ".join(str(p) for p in own.values() if p.name not in SET_BY_RUN)))
    return pd.DataFrame(rows, columns=["name", "kind", "holds"])
