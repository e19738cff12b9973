"""Tables in a terminal: plain text from data, cut, never markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import shorten

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table


def rich_table(frame: pd.DataFrame, *, title: str = "", width: int = 100) -> Table:
    """A frame as a table for `rich`."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for column in frame.columns:
        table.add_column(str(column).replace("_", " "), overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*[Text("" if v is None or v != v else shorten(v, width)) for v in row])
    return table
