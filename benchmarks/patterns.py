"""Patterns of many ratings in a Parquet file: the reduction beside hand-written packed SQL on DuckDB, and the steps around it.

    python benchmarks/patterns.py [--ratings 100000000] [--memory 2GB] [--repeats 3]

The file is streamed to a temporary folder that is removed at the end: items rated 5 times by 1,000 raters, in the order of items.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import workbench as wb
from workbench.reduce import facts, patterns
from workbench.reduce.select import select
from workbench.store.engine import duckdb

PER_ITEM, RATERS, LEVELS = 5, 1_000, 5
BITS = 3  # what the hand-written statement packs a level in: it knows that no item has more than 5 ratings


def written(path: Path, n: int, *, text: bool) -> Path:
    """A file of `n` ratings; the raters of an item are 5 different ones, scores lean to the item's own level."""
    step = f"(1 + hash(r // {PER_ITEM}) % {RATERS // PER_ITEM - 1})"
    item, rater = f"r // {PER_ITEM}", f"(hash(r // {PER_ITEM}, 1) % {RATERS} + (r % {PER_ITEM}) * {step}) % {RATERS}"
    truth, noise = f"hash(r // {PER_ITEM}, 2) % {LEVELS}", "hash(r, 3)"
    ids = f"printf('item-%09d', {item}) AS item_id, printf('rater-%04d', {rater}) AS rater_id" if text else \
        f"{item} AS item_id, {rater} AS rater_id"
    duckdb().raw_sql(f"COPY (SELECT {ids}, (1 + CASE WHEN {noise} % 3 = 0 THEN {noise} // 3 % {LEVELS} ELSE {truth} END)::DOUBLE AS score "
                     f"FROM range({n}) t(r)) TO '{path}' (FORMAT parquet)")
    return path


def by_hand(path: Path) -> int:
    """The packed SQL that one would write for this file alone; how many patterns it finds."""
    return len(duckdb().raw_sql(f"SELECT w, count(*) FROM (SELECT sum(1::BIGINT << ({BITS} * (score::INT - 1))) AS w FROM '{path}' "
                                f"GROUP BY item_id) GROUP BY w").fetchall())


def seconds(works: list[Callable[[], object]], repeats: int) -> list[tuple[float, float]]:
    """Median wall and processor time of each, in turns, so that a busy moment falls on all; what is kept on disk is forgotten before
    each run."""
    times: list[list[tuple[float, float]]] = [[] for _ in works]
    for _ in range(repeats):
        for work, own in zip(works, times):
            os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(dir=os.getcwd())
            start = time.perf_counter(), time.process_time()
            work()
            own.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return [tuple(map(statistics.median, zip(*own))) for own in times]


def given_facts(path: Path) -> Callable[[], object]:
    """The reduction alone: a fresh selection whose facts and sizes are known."""
    ratings = wb.read(path)
    facts(ratings).n_repeats
    select(ratings).groups

    def work() -> object:
        ratings.source.memory.pop(("patterns", (), True, None, (), None, None), None)
        return patterns(ratings)
    return work


def measure(path: Path, name: str, repeats: int) -> None:
    """One file's rows."""
    assert len(patterns(wb.read(path))[0].weight) == by_hand(path)
    works = {"packed SQL by hand": lambda: by_hand(path), "patterns, the snapshot's facts known": given_facts(path),
             "patterns of a snapshot never seen: values, scales and repeats checked": lambda: patterns(wb.read(path)),
             "  of which values and scales": lambda: facts(wb.read(path)),
             "values, scales, largest unit and repeats, for cells and pairs": lambda: facts(wb.read(path)).n_repeats}
    times = seconds(list(works.values()), repeats)
    for label, (wall, processor) in zip(works, times):
        print(f"{name:<12}{label:<72} {wall:8.2f} s   ratio {wall / times[0][0]:5.2f}   of processor time {processor / times[0][1]:5.2f}",
              flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratings", type=int, default=10_000_000)
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        duckdb().raw_sql(f"SET memory_limit = '{given.memory}'")
        duckdb().raw_sql(f"SET temp_directory = '{folder}/spilled'")
        for name, text in (("integer ids", False), ("string ids", True)):
            path = written(Path(folder) / "ratings.parquet", given.ratings, text=text)
            print(f"{given.ratings:,} ratings, {name}: {path.stat().st_size / 1e6:,.0f} MB of Parquet, DuckDB within {given.memory}")
            measure(path, name, given.repeats)
    print(f"largest memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
