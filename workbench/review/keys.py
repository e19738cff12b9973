"""What names a unit of a queue: its columns, a lot for each, and whether it is among others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.schema import UNIT

if TYPE_CHECKING:
    import pyarrow as pa

KEY = (*UNIT, "rubric_version")
ALIKE = 9               # decimals: figures that agree in as many are a tie
GOLDEN, MIX = 0x9E3779B97F4A7C15, (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def keys_of(table: pa.Table | pd.DataFrame) -> pd.DataFrame:
    """The unit's columns of a table; a step that it leaves out is missing everywhere."""
    known = isinstance(table, pd.DataFrame)
    wanted = [c for c in KEY if c in (table.columns if known else table.column_names)]
    frame = table[wanted] if known else table.select(wanted).to_pandas()
    step = frame["step"] if "step" in frame else pd.Series(pd.NA, frame.index, dtype="Int64")
    return frame.assign(step=step.astype("Int64"), item_id=frame["item_id"].astype("str"))[list(KEY)]


def lots(frame: pd.DataFrame, seed: int, *, purpose: str = "order") -> np.ndarray:
    """(U,) a random number of 64 bits for each unit, which depends on the unit, the seed and the purpose alone."""
    number = np.repeat(pd.util.hash_array(np.array([f"{purpose} {seed}"], object)), len(frame))
    with np.errstate(over="ignore"):
        for column in KEY:
            codes, values = pd.factorize(frame[column], use_na_sentinel=False)
            words = values.astype("str").fillna("").to_numpy(object)
            number = number * np.uint64(GOLDEN) + pd.util.hash_array(words, categorize=False)[codes]
            for shift, factor in zip((30, 27), MIX):    # SplitMix: Steele, Lea and Flood (2014), doi:10.1145/2660193.2660195
                number = (number ^ (number >> np.uint64(shift))) * np.uint64(factor)
    return number


def among(frame: pd.DataFrame, units: pd.DataFrame) -> np.ndarray:
    """(n,) whether each row's unit is one of `units`."""
    inside = frame["item_id"].isin(units["item_id"]).to_numpy(copy=True)
    known = set(units[list(KEY)].itertuples(index=False, name=None)) if inside.any() else set()
    inside[inside] = [key in known for key in frame.loc[inside, list(KEY)].itertuples(index=False, name=None)]
    return inside
