"""Level by level: specific agreement and category kappa."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.chance import as_array, chance_sums, row_sums
from workbench.agreement.estimate import Sampling, Sums, group_row
from workbench.agreement.fleiss import fleiss_chance
from workbench.agreement.two_way import Panel
from workbench.estimates import estimates_table
from workbench.resample import Formula, dense

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Patterns

UNUSED = "nobody gave this level"
ALONE = "no item with this level has two ratings"


def specific(ratings: Ratings, *, by: Sequence[str] = (), interval: str = "jackknife", confidence: float = 0.95,
             draws: int = 1000, seed: int = 0, cluster: str | None = None) -> pd.DataFrame:
    """On which levels do raters agree? Two rows a level, in the order of the rubric, told apart by the column `level`:

    `specific_agreement`: given that one rater chose the level, how often another rater of the item did too; on two levels, positive
    and negative agreement. sum n_ik (n_ik - 1) / sum n_ik (n_i - 1) over items, n_ik of an item's n_i ratings being at level k.
    1: whoever chose it was always joined; 0: never. `category_kappa`: Fleiss' kappa of this level against all others together;
    1 full agreement, 0 what its share alone would give, below 0 less. Without gaps it is Fleiss' (1971) own.

    Arguments: as `fleiss_kappa`.

    Items rated once count in the level's share alone. `specific_agreement` rests on the items that show the level; they are its
    `n_items` and its sample. Undefined (nan, reason in `note`): a level nobody gave, or on no item rated twice; `category_kappa`
    where one level only occurs. No interval: one item; full agreement. Errors: `ParameterError` for an unknown option.

    Sources: Cicchetti and Feinstein (1990), doi:10.1016/0895-4356(90)90159-M; any number of raters: Uebersax (1982), J. Psychiatric
    Research 17:335-342; category kappa: Fleiss (1971), doi:10.1037/h0031619.

    >>> import pandas as pd, workbench as wb
    >>> two = wb.from_matrix(pd.DataFrame({"ann": ["no", "no", "no", "yes"], "bob": ["no", "no", "yes", "yes"]}))
    >>> specific(two, interval="none")[["name", "level", "value"]].round(3).values.tolist()[::2]
    [['specific_agreement', 'no', 0.8], ['specific_agreement', 'yes', 0.667]]
    """
    from workbench.reduce import patterns

    share, kappa = (Sampling(interval, confidence, draws, seed, lowest, Panel(ratings, by, cluster)) for lowest in (0, -np.inf))
    rows = []
    for group in patterns(ratings, by=by, cluster=cluster):
        for level, specific_level, against_others in level_sums(group):
            rows += [{**group_row(name, group, sums, sampling), "level": level} for name, sums, sampling in
                     (("specific_agreement", specific_level, share), ("category_kappa", against_others, kappa))]
    return estimates_table(rows, by=[*by, "level"])


def level_sums(group: Patterns) -> Iterator[tuple[str | None, Sums, Sums]]:
    """For each level its name, and what its specific agreement and its kappa need; a group without levels has one, None."""
    counts = as_array(group.counts) if group.levels else np.zeros((len(group.weight), 1))
    group = replace(group, counts=counts if isinstance(counts, np.ndarray) else counts.tocsc())
    given = row_sums(counts.T)
    for place, level in enumerate(group.levels or (None,)):
        agreement, kappa = specific_sums(group, place), kappa_sums(group, place)
        reason = UNUSED if group.levels and not given[place] else kappa.reason or ("" if agreement.n_items else ALONE)
        yield level, replace(agreement, reason=reason), replace(kappa, reason=reason)


def kappa_sums(group: Patterns, place: int) -> Sums:
    """What the kappa of one level against all others needs."""
    sums = chance_sums(against_others(group, place), fleiss_chance, "identity")
    return replace(sums, rows_of=lambda items: sums.rows_of(against_others(items, place)))


def against_others(group: Patterns, place: int) -> Patterns:
    """The group with two levels: the one at this place, and all others."""
    at_level = dense(group.counts[:, [place]]).ravel()
    return replace(group, counts=np.column_stack([at_level, row_sums(group.counts) - at_level]), values=np.arange(2.0))


def specific_sums(group: Patterns, place: int) -> Sums:
    """What specific agreement of one level needs of the items that show it."""
    terms, formula = specific_terms(group, place)
    shown = terms[:, 1] > 0
    weight = group.weight[shown]
    return Sums(formula=formula, terms=terms[shown], weight=weight, cluster=None if group.cluster is None else group.cluster[shown],
                n_items=int(weight.sum()), n_ratings=int(weight @ row_sums(group.counts)[shown]),
                rows_of=lambda items: specific_terms(items, place))


def specific_terms(group: Patterns, place: int) -> tuple[np.ndarray, Formula]:
    """Per item its pairs of ratings with both, and with the first, at the level, (P, 2); and their ratio."""
    at_level, others = against_others(group, place).counts.T
    return np.column_stack([at_level * (at_level - 1), at_level * (at_level + others - 1)]), \
        lambda totals: totals[..., 0] / totals[..., 1]
