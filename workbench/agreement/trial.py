"""A model rater beside the humans who rated the same items: the arrays that every comparison of the two starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.groups import reductions
from workbench.errors import ParameterError, columns_of

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Moments, Patterns

HUMANS, MODELS = ("human", "expert", "adjudicator"), ("model", "program")
PANEL_AND_MODELS = ("human", "expert", "model")
NO_MODEL = "no model rated here"


@dataclass(frozen=True)
class Trial:
    """One model beside the humans of a group.

    Human ratings, (R,): codes of `item` and `human`, `level` (-1: no levels), `score`. Items, (n,): the model's level and score
    (-1 and nan where it did not rate), `cluster` codes or None. The other fields are what a row of estimates needs.
    """

    key: Mapping[str, object]
    item: np.ndarray
    human: np.ndarray
    names: np.ndarray
    level: np.ndarray
    score: np.ndarray
    model_level: np.ndarray
    model_score: np.ndarray
    cluster: np.ndarray | None
    scale: str
    n_dropped: int
    note: str

    @cached_property
    def rated(self) -> np.ndarray:
        """Whether the model rated the item, (n,)."""
        return ~np.isnan(self.model_score)

    @cached_property
    def n_humans(self) -> np.ndarray:
        """How many humans rated the item, (n,)."""
        return np.bincount(self.item, minlength=len(self.model_score))

    @cached_property
    def n_raters(self) -> int:
        """The humans, and the model."""
        return int((np.bincount(self.human) > 0).sum()) + int(self.rated.any())

    @cached_property
    def n_ratings(self) -> int:
        """Ratings by the humans and the model."""
        return len(self.item) + int(self.rated.sum())

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Mean over the humans of an item of `values` (R,): (n,); nan where no human rated it."""
        n = self.n_humans
        return np.where(n > 0, np.bincount(self.item, values, len(n)) / np.maximum(n, 1), np.nan)

    def on(self, keep: np.ndarray) -> Trial:
        """The trial on some of the items, (n,) true or false."""
        code, kept = np.cumsum(keep) - 1, keep[self.item]
        return replace(self, item=code[self.item[kept]], human=self.human[kept], level=self.level[kept], score=self.score[kept],
                       model_level=self.model_level[keep], model_score=self.model_score[keep],
                       cluster=None if self.cluster is None else self.cluster[keep])

    def without_model(self) -> Trial:
        """The trial with no model."""
        return replace(self, key={**self.key, "rater_id": None}, model_level=np.full(len(self.model_level), -1),
                       model_score=np.full(len(self.model_score), np.nan))

    def without_humans(self) -> Trial:
        """The trial with no humans."""
        return replace(self, item=self.item[:0], human=self.human[:0], level=self.level[:0], score=self.score[:0])


def panel_and_models(ratings: Ratings) -> Ratings:
    """The ratings of humans, experts and models, or of those among humans and models that `where(rater_kind=...)` names instead."""
    named = any(column == "rater_kind" for column, _ in ratings.conditions)
    return ratings.where(rater_kind=[*HUMANS, *MODELS] if named else list(PANEL_AND_MODELS))


def trials_of(ratings: Ratings, *, by: Sequence[str], cluster: str | None = None,
              levels: bool = False) -> list[tuple[Patterns | Moments, list[Trial]]]:
    """Each group with a `Trial` for each of its models, in order of id; a lone one without ratings where no model rated.

    `levels`: whether groups on an interval scale are to come with their levels too. Errors: `ParameterError` for `by`.
    """
    from workbench.reduce import cells, patterns

    parting = [c for c in columns_of(by) if c in ("rater_id", "rater_kind")]
    if parting:
        raise ParameterError(f"by={list(by)!r} parts models from the humans they are compared with. Leave out {parting[0]!r}; "
                             "to choose raters, use where(rater_kind=[...]).")
    chosen = panel_and_models(ratings)
    groups = patterns(chosen, by=by) if levels else reductions(chosen, by=by)
    table = cells(chosen, by=by, extra=["rater_kind"], cluster=cluster)
    parts = dict(iter(table.groupby(list(by), dropna=False, sort=False))) if by else {(): table}
    frames = {tuple(None if part != part else part for part in key): frame for key, frame in parts.items()}
    return [(group, _trials(frames.get(tuple(group.key.values()), table[:0]), group, cluster)) for group in groups]


def _trials(frame: pd.DataFrame, group: Patterns | Moments, cluster: str | None) -> list[Trial]:
    """The trials of one group, from its ratings."""
    item, units = frame["unit"].factorize()
    level = frame["level"].astype("float64").fillna(-1).to_numpy().astype(int)
    score, is_model = frame["score"].to_numpy(dtype=float), frame["rater_kind"].isin(MODELS).to_numpy()
    human, names = frame["rater_id"][~is_model].factorize(sort=True)
    codes = None
    if cluster:
        first = frame[~frame["unit"].duplicated()]
        own = "\x00" + first["item_id"].astype(str)  # an item without a cluster is one by itself
        codes = first[cluster].astype("object").where(first[cluster].notna(), own).astype(str).factorize()[0]
    shared = Trial(key={**group.key, "rater_id": None}, item=item[~is_model], human=human, names=np.asarray(names, dtype=object),
                   level=level[~is_model], score=score[~is_model], model_level=np.full(len(units), -1),
                   model_score=np.full(len(units), np.nan), cluster=codes, scale=group.scale, n_dropped=group.n_dropped,
                   note=group.note)
    made, (model, ids) = [], frame["rater_id"][is_model].factorize(sort=True)
    for code, name in enumerate(ids):
        rows = np.flatnonzero(is_model)[model == code]
        levels, scores = shared.model_level.copy(), shared.model_score.copy()
        levels[item[rows]], scores[item[rows]] = level[rows], score[rows]
        made.append(replace(shared, key={**group.key, "rater_id": name}, model_level=levels, model_score=scores))
    return made or [shared]
