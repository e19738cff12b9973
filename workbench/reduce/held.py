"""A frame in memory, counted as it stands: the same small tables that the engine would give, without its fixed cost.

Only for frames whose columns are of the contract's types, complete, and without a fault. Everything else, and every error in words,
is left to the engine; so are `where`, spans of time, clusters, and ratings that a rater repeats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from workbench.ratings import VIRTUAL
from workbench.reduce.codes import FEW, ROOM, Coded, coded, join, n_met, tally
from workbench.schema import BY_NAME, COLUMNS, PANEL

if TYPE_CHECKING:
    import pandas as pd

    from workbench.instrument import Scale
    from workbench.ratings import Ratings, Source
    from workbench.reduce.select import Selection

INSTRUMENT = ("rubric", "rubric_version", "criterion")
COMPLETE = ("item_id", "rater_id", *INSTRUMENT, *PANEL)  # no value of theirs may be missing where they are there
KEEP_NUMBERS = ("item_id", "rater_id", "prompt_id", "session", "rating_id")  # ids: whole numbers are not made text


def held(ratings: Ratings) -> Held | None:
    """The ratings in memory where all of a frame is selected, and it can be counted as it stands."""
    return None if ratings.conditions or ratings.start or ratings.end else whole(ratings.source)


def whole(source: Source) -> Held | None:
    """The source's frame, where it can be counted as it stands."""
    if "held" not in source.memory:
        table = None if source.frame is None else Held(source.frame)
        source.memory["held"] = table if table is not None and table.sound() else None
    return source.memory["held"]


@dataclass(frozen=True)
class Held:
    """A frame in the contract's names, and its columns as codes."""

    frame: pd.DataFrame
    known: dict[str, Coded | None] = field(default_factory=dict, repr=False)

    def sound(self) -> bool:
        """Whether every column is of the contract's type and holds nothing that the value check would name."""
        present = [column for column in COLUMNS if column.name in self.frame]
        if not all(fits(self.frame[column.name], column.name, column.type) for column in present):
            return False
        for column in present:
            if column.name in (*COMPLETE, "score", "label"):
                found = self.coded(column.name)
                if found is None or (column.name in COMPLETE and found.gaps) or \
                        (column.allowed and not set(found.levels) <= set(column.allowed)):
                    return False
        return True

    def coded(self, column: str) -> Coded | None:
        """A column as codes, found once; None where `codes.coded` cannot tell."""
        if column not in self.known:
            self.known[column] = coded(self.frame[column]) if column in self.frame else \
                Coded(np.broadcast_to(np.intp(0), len(self.frame)), np.array([BY_NAME[column].default], object))
        return self.known[column]

    def joined(self, columns: Sequence[str]) -> tuple[np.ndarray, dict[str, np.ndarray], int] | None:
        """The columns together, as `join`; None where one has gaps or cannot be coded."""
        parts = {c: self.coded(c) for c in columns if c in INSTRUMENT or (c in self.frame and c not in VIRTUAL)}
        if len(parts) < len(columns) or any(part is None or part.gaps for part in parts.values()):
            return None
        return join({c: (part.codes, len(part.levels)) for c, part in parts.items()}, len(self.frame))

    def shown(self, rows: Mapping[str, np.ndarray], size: int) -> pd.DataFrame:
        """Combinations of codes as a frame of the levels themselves."""
        import pandas as pd

        return pd.DataFrame({c: self.coded(c).levels[row] for c, row in rows.items()}, index=range(size))

    def ruled(self, panel: bool = True) -> np.ndarray:
        """(n,) whether the panel's rules, or without them the status alone, let a rating in; (1,) where they let in all."""
        mask = np.ones(1, bool)
        for column in (c for c in PANEL if c in self.frame and (panel or c == "status")):
            inside = np.isin(self.coded(column).levels, PANEL[column])
            mask = mask if inside.all() else mask & inside[self.coded(column).codes]
        return mask

    def given(self, column: str) -> np.ndarray:
        """(n,) whether a rating has a score, or a label; (1,) where all or none have."""
        if column in self.frame and self.coded(column).gaps:
            return self.coded(column).codes >= 0
        return np.array([column in self.frame])

    def crossed(self, column: str, group: np.ndarray, size: int, mask: np.ndarray) -> np.ndarray:
        """(size, levels) how many ratings of each group are at each level of a column, of those in `mask`."""
        part = self.coded(column)
        key = part.codes if size == 1 else group * len(part.levels) + part.codes
        used = mask & self.given(column) if part.gaps else mask
        return np.bincount(key if used.all() else key[used], minlength=size * len(part.levels)).reshape(size, -1)

    def combinations(self, by: Sequence[str], *, panel: bool = True) -> pd.DataFrame | None:
        """As `combinations` in `scan`."""
        joined = self.joined(list(dict.fromkeys((*by, *INSTRUMENT))))
        if joined is None or joined[2] * len(self.coded("rater_id").levels) > ROOM:
            return None
        (group, rows, size), ruled = joined, self.ruled(panel)
        valued = ruled & (self.given("score") | self.given("label"))
        raters = self.crossed("rater_id", group, size, valued)
        return self.shown(rows, size).assign(n_scope=tally(group, size, np.ones(1, bool)), n_ruled=tally(group, size, ruled), n_steps=0,
                                             n_valued=raters.sum(axis=1), n_raters=np.count_nonzero(raters, axis=1))

    def occurring(self) -> pd.DataFrame:
        """As `occurring` in `scan`."""
        import pandas as pd

        found, (group, _, size), measures = self.combinations(()), self.joined(INSTRUMENT), {}
        for column in ("score", "label"):
            n = self.crossed(column, group, size, np.ones(1, bool)) if column in self.frame else np.zeros((size, 1), int)
            measures |= {f"n_{column}s": n.sum(axis=1), f"distinct_{column}s": np.count_nonzero(n, axis=1)}
            if column == "score" and column in self.frame:
                levels, known = self.coded(column).levels.astype(float), n.any(axis=1)
                measures |= {"low": np.where(known, levels[np.argmax(n > 0, axis=1)], np.nan),
                             "high": np.where(known, levels[::-1][np.argmax(n[:, ::-1] > 0, axis=1)], np.nan)}
        times = self.frame["rated_at"] if "rated_at" in self.frame else pd.Series([pd.NaT])
        first, last = pd.to_datetime(pd.Series([times.min(), times.max()]), utc=True).dt.as_unit("us")
        return found.assign(first=first, last=last, n_stepped=0, **measures)

    def distinct(self, column: str) -> pd.DataFrame:
        """As `distinct` in `scan`, of all criteria."""
        group, rows, size = self.joined(INSTRUMENT)
        n = self.crossed(column, group, size, np.ones(1, bool))
        place, owner = np.nonzero(n.T)
        found = self.shown({c: row[owner] for c, row in rows.items()} | {column: place}, len(place))
        return found.assign(n=n[owner, place])

    def levelled(self, chosen: Selection) -> np.ndarray | None:
        """(n,) the level's place of each rating that counts, -1 of the others; None where one is on no level. As `standing`."""
        group, rows, size = self.joined(INSTRUMENT)
        scales = [chosen.scale_of[key] for key in self.shown(rows, size).itertuples(index=False, name=None)]
        level = np.full(1, -1)
        for column in (c for c in ("label", "score") if c in self.frame and any(scale.levels for scale in scales)):
            part = self.coded(column)
            if len(part.levels) > FEW:
                return None
            table = np.array([[*places(scale, column, part.levels), -1] for scale in scales])  # the last for what is missing
            same = size == 1 and (table[0, :-1] == np.arange(len(part.levels))).all()
            found = part.codes if same else table[group, part.codes]
            level = found if len(level) == 1 else np.where(level < 0, found, level)
        ruled = self.ruled(chosen.panel)
        if level.min() < 0:
            counts = np.array([scale.uses == "score" or not scale.assumed for scale in scales])[group]
            if (ruled & counts & self.given("score") & (level < 0)).any():
                return None
        return level if ruled.all() else np.where(ruled, level, -1)

    def counted(self, chosen: Selection) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, pd.DataFrame] | None:
        """Of the ratings that count their unit, rater and level, (R,) each; of each unit its group; and the groups. None where a
        rater repeats, or it cannot be told here."""
        level, joined = self.levelled(chosen), self.joined(chosen.keyed)
        if level is None or joined is None:
            return None
        (unit, rows, size), rater = joined, self.coded("rater_id")
        person, used = rater.codes, level >= 0
        if not used.all():
            unit, person, level = unit[used], person[used], level[used]
        if not len(unit) or n_met(unit, person, size, len(rater.levels)) < len(unit):
            return None
        group, keys, n = join({c: (rows[c], len(self.coded(c).levels)) for c in chosen.by}, size)
        return unit, person, level, group, self.shown(keys, n)

    def used(self, chosen: Selection) -> pd.DataFrame | None:
        """The groups with n_used, ratings that count, and n_raters; None where `counted` cannot tell."""
        if (found := self.counted(chosen)) is None or len(found[4]) * (k := len(self.coded("rater_id").levels)) > ROOM:
            return None
        unit, person, _, group, keys = found
        n = np.bincount(group[unit] * k + person, minlength=len(keys) * k).reshape(-1, k)
        return keys.assign(n_used=n.sum(axis=1), n_raters=np.count_nonzero(n, axis=1))

    def most_and_repeats(self, keys: Sequence[str]) -> tuple[int, int]:
        """As in `slots`."""
        (unit, _, size), rater = self.joined(keys), self.coded("rater_id")
        return int(np.bincount(unit).max()), len(unit) - n_met(unit, rater.codes, size, len(rater.levels))


def fits(values: pd.Series, name: str, wanted: str) -> bool:
    """Whether a column is of the contract's type as it is, so that reading it changes and refuses nothing."""
    import pandas as pd

    kind = values.dtype
    if name in ("step", "replaces"):
        return False
    if wanted == "string":
        return isinstance(kind, pd.StringDtype) or (kind.kind == "i" and isinstance(kind, np.dtype) and name in KEEP_NUMBERS)
    if wanted.startswith("timestamp"):
        return kind.kind == "M"
    return isinstance(kind, np.dtype) and kind.kind in ("i" if wanted == "int64" else "if")


def places(scale: Scale, column: str, values: np.ndarray) -> list[int]:
    """The place of each value on a scale, -1 where it is none of its levels."""
    known = (scale.levels if column == "label" else scale.values) if scale.uses == column or not scale.assumed else ()
    place = {value: i for i, value in enumerate(known)}
    return [place.get(value, -1) for value in values]
