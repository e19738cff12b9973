"""Ratings in memory, counted as they stand: the same small tables that the engine would give, without its fixed cost.

Only for frames, and files of few rows, whose columns are of the contract's types, complete, and without a fault. Everything else, and
every error in words, is left to the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.instrument import Scale
from workbench.ratings import VIRTUAL, alike
from workbench.reduce.codes import FEW, ROOM, Coded, coded, coded_times, join, n_met, ordered, part_of, tally
from workbench.reduce.loaded import LONG, loaded
from workbench.reduce.narrowed import INSTRUMENT, NEVER, fits, last_ones, places, selected_rows
from workbench.reduce.tables import Counted
from workbench.schema import BY_NAME, COLUMNS, PANEL

if TYPE_CHECKING:
    import pandas as pd

    from workbench.ratings import Ratings
    from workbench.reduce.select import Selection
    from workbench.source import Source

COMPLETE = ("item_id", "rater_id", *INSTRUMENT, *PANEL)  # no value of theirs may be missing where they are there
MEASURED = ("rated_at", "started_at", "seconds")  # of which values are shown, and not counted


def held(ratings: Ratings, *, empty: bool = False) -> Held | None:
    """The selected ratings in memory, where they can be counted as they stand and are not `empty`."""
    source, place = ratings.source, ("selected", ratings.conditions, ratings.start, ratings.end)
    table = whole(source)
    if table is None or not (ratings.conditions or ratings.start or ratings.end or "replaces" in table.frame):
        return table
    if place not in source.memory:
        rows = selected_rows(table, ratings)
        source.memory[place] = None if rows is None else \
            Held(table.frame, rows=rows, whole=table, named=frozenset(column for column, _ in ratings.conditions))
    found = source.memory[place]
    return None if found is None or not (found.n or empty) else found


def whole(source: Source) -> Held | None:
    """All of the source, where it can be counted as it stands."""
    if "held" not in source.memory:
        frame = loaded(source) if source.small else source.frame
        table = None if frame is None or not len(frame) else Held(frame, {c: None for c in (*source.extras, LONG) if c not in frame})
        source.memory["held"] = table if table is not None and table.sound() else None
    return source.memory["held"]


@dataclass(frozen=True)
class Held:
    """A frame in the contract's names, its columns as codes, and the `rows` of it that are selected from the `whole`, None for all; `named`
    are the columns that conditions name."""

    frame: pd.DataFrame
    known: dict[str, Coded | None] = field(default_factory=dict, repr=False)
    rows: np.ndarray | None = None
    whole: Held | None = field(default=None, repr=False)
    named: frozenset[str] = frozenset()
    answers: dict[object, Counted | None] = field(default_factory=dict, repr=False)

    @property
    def n(self) -> int:
        """How many ratings are selected."""
        return len(self.frame) if self.rows is None else len(self.rows)

    def sound(self) -> bool:
        """Whether every column is of the contract's type and holds nothing that the value check would name."""
        present = [column for column in COLUMNS if column.name in self.frame]
        valued = "score" in self.frame or "label" in self.frame
        if not (valued and all(fits(self.frame[column.name], column.name, column.type) for column in present)):
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
            if self.whole is not None:
                found = self.whole.coded(column)
                self.known[column] = None if found is None else part_of(found, self.rows)
            elif column in VIRTUAL:
                self.known[column] = coded_times(self.times("rated_at"), column)
            elif column in self.frame:
                self.known[column] = coded(self.frame[column])
            else:
                default = BY_NAME[column].default
                self.known[column] = Coded(np.broadcast_to(np.intp(-1 if default is None else 0), self.n),
                                           np.array([default][:default is not None], object), default is None)
        return self.known[column]

    def times(self, column: str) -> np.ndarray:
        """(n,) a column of times in microseconds since 1970, `NEVER` where there is none."""
        import pandas as pd

        if column not in self.frame:
            return np.full(self.n, NEVER)
        made = pd.to_datetime(self.frame[column], utc=True).dt.as_unit("us").to_numpy("datetime64[us]").astype("int64")
        return made if self.rows is None else made[self.rows]

    def matching(self, column: str, values: Sequence[object]) -> np.ndarray | None:
        """(n,) whether a column holds one of the values, None standing for missing; None where it is not coded. As `ratings.matches`."""
        import pandas as pd

        if (part := self.coded(column)) is None:
            return None
        levels = self.levels(column)
        number = levels.dtype.kind in "if" or (not len(levels) and BY_NAME[column].type != "string")
        known = alike(values, column, "time" if column in VIRTUAL else "number" if number else "text")
        return np.append(pd.Series(levels).isin(known), None in values)[part.codes]

    def joined(self, columns: Sequence[str]) -> tuple[np.ndarray, dict[str, np.ndarray], int] | None:
        """The columns together, as `join`, what is missing as the last level; None where one cannot be coded."""
        parts = {c: self.coded(c) for c in columns}
        if any(part is None for part in parts.values()):
            return None
        return join({c: (np.where(part.codes < 0, len(part.levels), part.codes) if part.gaps else part.codes, len(part.levels) + part.gaps)
                     for c, part in parts.items()}, self.n)

    def level_of(self, column: str, codes: np.ndarray) -> object:
        """The levels of a column that stand at these codes; missing beyond the last."""
        import pandas as pd

        part, levels = self.coded(column), self.levels(column)
        if part.gaps:
            return pd.Series(levels).reindex(codes).array if len(levels) or levels.dtype.kind == "M" else np.full(len(codes), None)
        return pd.array(levels[codes], dtype="str") if levels.dtype == object else levels[codes]

    def levels(self, column: str) -> Any:
        """The levels of a column as an array; those of many texts are not held as one."""
        found = self.coded(column).levels
        return found.to_numpy(zero_copy_only=False) if hasattr(found, "to_numpy") and not hasattr(found, "dtype") else found

    def column(self, column: str, rows: np.ndarray) -> object:
        """A column's values in these rows, in the contract's type; None in each where the source lacks it."""
        import pandas as pd

        if column in VIRTUAL:
            return self.level_of(column, self.coded(column).codes[rows])
        if column not in self.frame:
            kind = {"string": "str"}.get(BY_NAME[column].type, BY_NAME[column].type)
            default = BY_NAME[column].default
            return np.full(len(rows), None) if default is None else pd.array([default], dtype=kind).take(np.zeros(len(rows), int))
        values = self.frame[column].take(rows if self.rows is None else self.rows[rows])
        if column in MEASURED:
            return values.astype("float64").array if column == "seconds" else pd.to_datetime(values, utc=True).dt.as_unit("us").array
        return (values.astype("str") if isinstance(values.dtype, pd.StringDtype) else values).array

    def shown(self, rows: Mapping[str, np.ndarray], size: int) -> pd.DataFrame:
        """Combinations of codes as a frame of the levels themselves."""
        import pandas as pd

        return pd.DataFrame({c: self.level_of(c, row) for c, row in rows.items()}, index=range(size))

    def ruled(self, panel: bool = True) -> np.ndarray:
        """(n,) whether the panel's rules, or without them the status alone, let a rating in; (1,) where they let in all."""
        mask = np.ones(1, bool)
        for column in (c for c in PANEL if c in self.frame and (c not in self.named if panel else c == "status")):
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
        self.known.update({c: ordered(found) for c in by if (found := self.coded(c)) is not None})
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

    def scales(self, chosen: Selection, rows: Mapping[str, np.ndarray], size: int) -> list[Scale]:
        """The scale of each of these instruments; none where no rating of it counts."""
        return [chosen.scale_of.get(key, Scale("nominal")) for key in self.shown(rows, size).itertuples(index=False, name=None)]

    def levelled(self, chosen: Selection) -> np.ndarray | None:
        """(n,) the level's place of each rating that counts, -1 of the others; None where one is on no level. As `standing`."""
        group, rows, size = self.joined(INSTRUMENT)
        scales = self.scales(chosen, rows, size)
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

    def counted(self, chosen: Selection, *, every: bool = False) -> Counted | None:
        """The ratings that count, a rater's last on a unit unless `every` is wanted; None where it cannot be told here."""
        place = (chosen.keyed, chosen.by, chosen.panel, every, tuple(chosen.scale_of.items()))
        if place not in self.answers and not chosen.filled:
            self.answers[place] = self.count(chosen, every)
        return None if chosen.filled else self.answers[place]

    def count(self, chosen: Selection, every: bool) -> Counted | None:
        """The same, found anew."""
        level, joined = self.levelled(chosen), self.joined(chosen.keyed)
        if level is None or joined is None:
            return None
        (unit, codes, size), person = joined, self.coded("rater_id").codes
        rows, k = np.arange(self.n), len(self.coded("rater_id").levels)
        if level.min() < 0:
            rows = np.flatnonzero(level >= 0)
            unit, person, level = unit[rows], person[rows], level[rows]
        if not (n_all := len(rows)):
            return None
        if not every:
            layer = self.coded("layer")
            who, of = (person, 1) if chosen.panel else (person * len(layer.levels) + layer.codes[rows], len(layer.levels))
            if n_met(unit, who, size, k * of) < n_all:
                last = last_ones(unit * (k * of) + who, self.times("rated_at")[rows])
                rows, unit, person, level = rows[last], unit[last], person[last], level[last]
        group, keys, n = join({c: (codes[c], len((part := self.coded(c)).levels) + part.gaps) for c in chosen.by}, size)
        return Counted(rows, unit, person, level, group, self.shown(keys, n), len(rows) < n_all)

    def split(self, chosen: Selection, cluster: str) -> tuple[int, int] | None:
        """As `split_units` in `select`."""
        found, own = self.counted(chosen), self.coded(cluster)
        if found is None or own is None:
            return None
        code = own.codes[found.rows]
        one, n_own = np.full(len(found.group), -1), np.bincount(found.unit, code >= 0, len(found.group))
        one[found.unit[code >= 0]] = code[code >= 0]
        other = (code >= 0) & (code != one[found.unit])
        partly = (n_own > 0) & (n_own < np.bincount(found.unit, minlength=len(found.group)))
        return len(np.unique(found.unit[other])), int(partly.sum())

    def used(self, chosen: Selection) -> pd.DataFrame | None:
        """The groups with n_used, ratings that count, and n_raters; None where `counted` cannot tell."""
        if (found := self.counted(chosen)) is None or len(found[4]) * (k := len(self.coded("rater_id").levels)) > ROOM:
            return None
        _, unit, person, _, group, keys, _ = found
        n = np.bincount(group[unit] * k + person, minlength=len(keys) * k).reshape(-1, k)
        return keys.assign(n_used=n.sum(axis=1), n_raters=np.count_nonzero(n, axis=1))

    def most_and_repeats(self, keys: Sequence[str]) -> tuple[int, int]:
        """As in `slots`."""
        (unit, _, size), rater = self.joined(keys), self.coded("rater_id")
        return int(np.bincount(unit).max()), len(unit) - n_met(unit, rater.codes, size, len(rater.levels))
