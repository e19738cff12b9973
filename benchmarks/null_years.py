"""How often the whole weekly pack says "found" of programmes in which nothing happens for a year.

    python benchmarks/null_years.py            # 500 years: hours of a core
    python benchmarks/null_years.py 20 100     # 20 years from the one numbered 100

A year is drawn with `simulate`: raters who differ in severity and noise, six systems alike, four kinds of tasks alike, three parties, and not
one event. The code of every
notebook of the pack is run as it stands, charts left out, on what is known at the year's end. Counted is each finding of severity alarm
or attention and status `found`: target at most 5 % of years with any. Printed by notebook and kind, and beside them what is merely `watch`.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

import workbench as wb  # noqa: E402
from workbench.store.effects import noise, panel, severity  # noqa: E402
from workbench.store.panel import TASK_OFFSETS, State  # noqa: E402
from workbench.store.simulate import simulate  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]


def tasks_alike(state: State) -> State:
    """No kind of task is answered better than another: none lies nearer to a cut, where raters differ more."""
    rows = state.rows
    return state.shifted(np.ones(len(rows), bool),
                         by=-np.array(TASK_OFFSETS)[rows["criterion"], state.items["task_type"].to_numpy()[rows["item"]]])


NOTHING = (panel, tasks_alike, severity, partial(noise, noisy=1.0))
SIZE = {"weeks": 52, "items_per_week": 36, "raters_per_item": 3, "n_raters": 15}
PACK = ("agreement", "disagreement", "rubric", "drift", "signal")


def code_of(name: str) -> list[str]:
    """The code cells of a notebook, its parameters first."""
    cells = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def findings_of(name: str, frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """What one notebook finds in these ratings."""
    kept: list[pd.DataFrame] = []
    names: dict[str, object] = {}
    read, quiet = wb.read, mock.MagicMock(return_value=None)
    with mock.patch.multiple(wb, read=lambda *_, **__: read(frame), show=quiet, chart=mock.MagicMock(), create=True), \
            mock.patch("IPython.display.display", quiet), \
            mock.patch.object(wb.report, "save", lambda *, findings, **_: kept.append(findings)):
        for place, cell in enumerate(code_of(name)):
            exec(compile(cell, f"{name}[{place}]", "exec"), names)  # noqa: S102
            names |= {"seed": seed} if place == 0 else {}
    return kept[0]


def year(number: int) -> pd.DataFrame:
    """All findings of the pack at the end of a year without an event."""
    drawn = simulate(seed=90_000 + number, effects=NOTHING, **SIZE)
    texts = drawn.items[["item_id", *(c for c in drawn.items if c not in drawn.ratings)]]
    frame = drawn.ratings.merge(texts, on="item_id")
    return pd.concat([findings_of(name, frame, number).assign(year=number) for name in PACK], ignore_index=True)


def main(n: int = 500, first: int = 0) -> None:
    """Print a line a year, then the shares."""
    hits: list[set[str]] = []
    watched: Counter[str] = Counter()
    for number in range(first, first + n):
        began = time.process_time()
        told = year(number)
        told = told[told["severity"].isin(["alarm", "attention"])]
        kinds = told["notebook"] + " " + told["id"].str.split("/").str[1]
        hits.append(set(kinds[told["status"] == "found"]))
        watched.update(set(kinds[told["status"] == "watch"]))
        print(f"{number}: {', '.join(sorted(hits[-1])) or 'nothing found'}; {(told['status'] == 'watch').sum()} watched; "
              f"{time.process_time() - began:.0f} s", flush=True)
        for row in told[told["status"] == "found"].itertuples():
            print(f"    {row.id}: {row.sentence}", flush=True)
    print(f"{sum(map(bool, hits))} of {n} years with anything found")
    for kind, times in Counter(kind for hit in hits for kind in hit).most_common():
        print(f"  found   {kind}: {times}")
    for kind, times in watched.most_common():
        print(f"  watched {kind}: {times}")


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:3]))
