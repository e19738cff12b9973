"""A plain panel of known agreement, drawn block by block, so that a file of any size is written in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.cache import replacing
from workbench.errors import ParameterError, one_of

BLOCK = 65_536        # items drawn at a time; each block has a generator of its own


@dataclass(frozen=True)
class Panel:
    """What is to be drawn: see `simulate_panel`. The same fields give the same ratings, however they are taken."""

    n_items: int
    n_raters: int
    raters_per_item: int
    levels: int = 5
    agreement: float = 0.6
    severity_sd: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        small = [f"{name}={getattr(self, name)!r}" for name in ("n_items", "n_raters", "raters_per_item", "levels")
                 if getattr(self, name) < 1]
        if small:
            raise ParameterError(f"a panel needs whole numbers of at least 1, not {', '.join(small)}.")
        if self.raters_per_item > self.n_raters:
            raise ParameterError(f"raters_per_item={self.raters_per_item} is more than n_raters={self.n_raters}. Lower it, or add raters.")
        if not (0 <= self.agreement <= 1 and self.severity_sd >= 0):
            raise ParameterError(f"agreement={self.agreement!r} is to lie in 0 to 1, severity_sd={self.severity_sd!r} not below 0.")

    @property
    def item_digits(self) -> int:
        """Digits of an item's number in its id."""
        return max(6, len(str(self.n_items - 1)))

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Item numbers (n,), rater numbers (n, k) and scores (n, k) of up to `BLOCK` items at a time."""
        shift = np.random.default_rng([self.seed]).normal(0, self.severity_sd, self.n_raters) if self.severity_sd else None
        for first in range(0, self.n_items, BLOCK):
            rng, n = np.random.default_rng([self.seed, 1 + first // BLOCK]), min(BLOCK, self.n_items - first)
            shape = (n, self.raters_per_item)
            rater = distinct(n, self.n_raters, self.raters_per_item, rng)
            true, other = (rng.integers(0, self.levels, size, dtype=np.int32) for size in ((n, 1), shape))
            level = np.where(rng.random(shape, dtype=np.float32) < np.sqrt(self.agreement), true, other)
            if shift is not None:
                level = np.clip(np.rint(level + shift[rater]), 0, self.levels - 1).astype(np.int32)
            yield np.arange(first, first + n), rater, level + 1


def distinct(n: int, m: int, k: int, rng: np.random.Generator) -> np.ndarray:
    """`k` different ones of `m`, for each of `n`: (n, k), every subset as likely. Floyd's method, linear in n k."""
    chosen = np.empty((n, k), dtype=np.int32)
    for place, last in enumerate(range(m - k, m)):
        drawn = rng.integers(0, last + 1, n, dtype=np.int32)
        taken = (chosen[:, :place] == drawn[:, None]).any(axis=1)
        chosen[:, place] = np.where(taken, last, drawn)
    return chosen


def write_panel(path: str | Path, panel: Panel, *, ids: str = "text") -> Path:
    """Write a panel's ratings (item_id, rater_id, score) to a Parquet file; `simulate_panel` draws the same ones in memory.

    ids: "text" ("i000012", "r003") or "number", which is smaller. 10^8 ratings take about a minute and under 500 MB of memory; the
    file is whole or absent.
    """
    one_of("ids", ids, ("text", "number"))
    path = Path(path)
    kind = pa.dictionary(pa.int32(), pa.string()) if ids == "text" else pa.int32()
    schema = pa.schema([("item_id", kind), ("rater_id", kind), ("score", pa.float64())])
    raters = numbered("r", np.arange(panel.n_raters), max(3, len(str(panel.n_raters - 1))))
    with replacing(path) as partial:
        with pq.ParquetWriter(partial, schema, compression="zstd", compression_level=1, store_schema=False,
                              dictionary_pagesize_limit=2**24) as writer:
            for item, rater, score in panel.blocks():
                k = rater.shape[1]
                place = np.repeat(np.arange(len(item), dtype=np.int32), k)
                columns = [pa.DictionaryArray.from_arrays(place, numbered("i", item, panel.item_digits)),
                           pa.DictionaryArray.from_arrays(rater.ravel(), raters)] if ids == "text" else \
                    [pa.array(item.astype(np.int32)[place]), pa.array(rater.ravel())]
                writer.write_table(pa.table([*columns, pa.array(score.ravel().astype(float))], schema=schema), row_group_size=len(place))
    return path


def write_panel_dataset(panel: Panel, folder: str | Path, *, ids: str = "text") -> Path:
    """A dataset folder of a plain panel: `ratings.parquet`, `dataset.toml`, and `TRUTH.md`, which says what it was drawn with."""
    folder = Path(folder)
    folder.mkdir(parents=True)
    write_panel(folder / "ratings.parquet", panel, ids=ids)
    (folder / "dataset.toml").write_text('name = "panel"\n', encoding="utf-8")
    (folder / "TRUTH.md").write_text(
        f"# What was planted in this dataset\n\nSynthetic: {panel.n_items * panel.raters_per_item:,} ratings of {panel.n_items:,} items, "
        f"each by {panel.raters_per_item} of {panel.n_raters:,} raters at random, on {panel.levels} levels, seed {panel.seed}.\n\n"
        f"- true agreement beyond chance, whatever the coefficient: {panel.agreement:g}\n"
        f"- standard deviation of the raters' severities, in levels: {panel.severity_sd:g}\n", encoding="utf-8")
    return folder


def numbered(prefix: str, numbers: np.ndarray, digits: int) -> pa.Array:
    """`prefix` and each number with leading zeros, as Arrow text: written digit by digit, without a Python string each."""
    width = len(prefix) + digits
    text = np.empty((len(numbers), width), dtype=np.uint8)
    text[:, :len(prefix)] = np.frombuffer(prefix.encode(), dtype=np.uint8)
    left = numbers.astype(np.int64)
    for place in range(width - 1, len(prefix) - 1, -1):
        left, digit = np.divmod(left, 10)
        text[:, place] = digit + ord("0")
    offsets = np.arange(0, (len(numbers) + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(text))
