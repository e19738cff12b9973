"""How large the weekly pack's pages are, and what the pack costs, as ratings grow: the sample's programme, a part of it or many times over.

    python benchmarks/pages.py [--ratings 10000 1000000 10000000] [--jobs 2] [--memory 16]

Each copy of the programme has prompts and items of its own; every twentieth shares its raters. In a new workspace, with nothing kept. Megabytes
of each page, wall and processor seconds, the most memory that one process took, and how long each notebook was at work.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

HOME = Path(__file__).resolve().parents[1]
WORKBENCH = (sys.executable, "-c", "import sys; from workbench.cli import main; main(sys.argv[1:])")
PERIOD = "2026-W46"
GROUPS = 20       # of raters
OF_COPY = ("rating_id", "item_id", "prompt_id", "replaces")
OF_GROUP = ("rater_id", "session", "batch")


def grown(sample: Path, n_ratings: int) -> None:
    """The sample's tables with about so many ratings, in their place."""
    engine = duckdb.connect()
    held = engine.sql(f"SELECT count(*) FROM '{sample / 'ratings.parquet'}'").fetchall()[0][0]
    copies = max(round(n_ratings / held), 1)
    part = f"WHERE hash(prompt_id) % 1000 < {1000 * n_ratings / held}" if n_ratings < held else ""
    for name, n, where in (("ratings", copies, part), ("items", copies, part), ("raters", min(copies, GROUPS), "")):
        place = sample / f"{name}.parquet"
        columns = engine.sql(f"DESCRIBE SELECT * FROM '{place}'").fetchall()
        made = ", ".join(f"{c} || '-' || copy AS {c}" if c in OF_COPY else f"{c} || '-' || copy % {GROUPS} AS {c}" if c in OF_GROUP else c
                         for c, *_ in columns)
        engine.execute(f"COPY (SELECT {made} FROM '{place}', range({n}) copies(copy) {where}) TO '{place}.new' (FORMAT parquet)")
        os.replace(f"{place}.new", place)


def main() -> None:
    """A block of lines a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=int, nargs="+", default=[10_000, 1_000_000, 10_000_000])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--memory", type=float, default=16, help="gigabytes that one notebook may take")
    asked = parser.parse_args()
    for n_ratings in asked.ratings:
        with tempfile.TemporaryDirectory() as place:
            work = Path(place) / "work"
            environment = os.environ | {"PYTHONPATH": str(HOME)}
            subprocess.run([*WORKBENCH, "init", str(work)], check=True, capture_output=True, env=environment)
            grown(work / "data/sample", n_ratings)
            pack = work / "reports/weekly.toml"
            text = pack.read_text(encoding="utf-8")
            pack.write_text(text.replace("timeout = 600", "timeout = 36000").replace("memory = 4", f"memory = {asked.memory:g}"))
            began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run([*WORKBENCH, "run", "weekly", "--period", PERIOD, "--jobs", str(asked.jobs)], cwd=work, env=environment,
                                  capture_output=True, text=True, check=False)
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            processor = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
            print(f"{n_ratings:,} ratings: {time.monotonic() - began:.0f} s by the wall, {processor:.0f} s of processor, "
                  f"most memory of a process {used.ru_maxrss / 1e6:.1f} GB, exit {done.returncode}", flush=True)
            print(done.stderr[-2000:] if done.returncode else "", end="")
            for manifest in sorted((work / "reports/weekly").glob("*/*/manifest.json")):
                told = json.loads(manifest.read_text())["notebooks"]
                pages = {page.name: page.stat().st_size / 1e6 for page in sorted(manifest.parent.rglob("*.html"))}
                whole = sum(file.stat().st_size for file in manifest.parent.rglob("*") if file.is_file()) / 1e6
                print("  MB: " + ", ".join(f"{name} {size:.2f}" for name, size in pages.items()) + f"; the report in all {whole:.1f}")
                print("  seconds: " + ", ".join(f"{name} {one['seconds']:.0f}" for name, one in told.items()), flush=True)


if __name__ == "__main__":
    main()
