"""`workbench data`: versions of a dataset, what was set aside, fewer files, and a rater forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

Data = Annotated[Path, typer.Argument(metavar="DATA", help="A dataset folder.")]

data = typer.Typer(no_args_is_help=True, help="Versions of a dataset, what was set aside, compaction, and forgetting a rater.")


@data.command("log")
def log(folder: Data, limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 50) -> None:
    """The versions of a dataset: when, rows stored and superseding, all rows then held, what was done and from which file."""
    from workbench.store import data_log

    table = data_log(folder)
    printer().print(log_table(table.head(limit)))
    if len(table) > limit:
        print(f"{len(table) - limit:,} earlier ones are not shown: --limit {len(table)}.")


def log_table(log: pd.DataFrame) -> Table:
    """Versions for a narrow terminal: only what was done may wrap, and a column of nothing but 0 is left out."""
    from workbench.cli.tables import rich_table

    counts = [c for c in ("stored", "superseding", "removed", "total") if c in ("stored", "total") or log[c].any()]
    shown = log[["version"]].assign(at=log["at"].dt.strftime("%Y-%m-%d %H:%M"), **{c: log[c].map("{:,}".format) for c in counts},
                                    what=(log["action"] + " " + log["file"]).str.strip())
    table = rich_table(shown, width=1_000)
    for column in table.columns[:-1]:
        column.no_wrap = True
    for column in table.columns[2:-1]:
        column.justify = "right"
    return table


def printer() -> Console:
    """A console that wraps for a terminal, and for a pipe or a file puts each row on one line, however long."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = 10_000
    return console


@data.command("quarantine")
def quarantine(folder: Data, limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 50) -> None:
    """What could not be taken, with reason, file and place. Correct it at the source and import again."""
    from workbench.cli.tables import rich_table
    from workbench.store import quarantined

    table = quarantined(folder)
    if table.empty:
        return print("Nothing was set aside.")
    printer().print(rich_table(table[["file", "place", "reason", "raw"]].head(limit), width=300))
    print(f"{len(table):,} set aside in all.")


@data.command("compact")
def compact(folder: Data, vacuum: Annotated[bool, typer.Option("--vacuum", help="Clear away what only earlier versions need: --as-of "
                                                                               "can then no longer reach them.")] = False) -> None:
    """Make many small files few. No rating, order or answer changes."""
    from workbench.store import compact_data

    done = compact_data(folder, vacuum=vacuum)
    print(f"{folder}: {done.files_before:,} files of ratings are now {done.files_after:,}"
          + (f"; {done.cleared:,} files of earlier versions cleared away." if vacuum else "."))


@data.command("forget")
def forget(folder: Data, rater: Annotated[str, typer.Option(metavar="ID", help="As in the column rater_id.")],
           yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Remove a rater for good: ratings, reviews, quarantined rows, every earlier version. The log keeps how many rows went."""
    from workbench.store import forget_rater

    if not yes:
        typer.confirm(f"Forget rater {rater} in {folder}? Their ratings go for good, and no earlier version of the dataset can be "
                      "read any more", abort=True)
    done = forget_rater(folder, rater)
    print(f"Forgotten: {done.n_rows:,} ratings, {done.n_quarantined:,} quarantined rows, {done.n_side:,} rows of side tables and review "
          f"files. {folder} is at version {done.version}; cached reductions were deleted.")
    for what, places in (("Reports that still name the rater; make them again, or delete them", done.reports),
                         ("The id still stands here, outside the rater's own rows", done.remaining)):
        if places:
            print(f"{what}: {', '.join(places)}")
