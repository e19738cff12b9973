"""What an item's rating should be, from raters who err: consensus, each rater's errors, and how far to believe the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from workbench.agreement.answers import Options, answered
from workbench.agreement.calibrated import ADJUDICATED, calibration_rows
from workbench.agreement.truth_rows import as_estimates, level_rows, score_rows, unit_rows
from workbench.errors import ParameterError
from workbench.estimates import estimates_table

if TYPE_CHECKING:
    from workbench.ratings import Ratings

# A table of gold units by bins is held; finer ones would have a unit each.
MAX_BINS = 100
AUTHORITIES = ("gold", "adjudicator")   # whose word is the truth, the first before the second


def consensus(ratings: Ratings, *, by: Sequence[str] = (), method: str = "dawid_skene", gold: bool = False, repeats: bool = False,
              start: pd.DataFrame | None = None, smoothing: float = 0.1, iterations: int = 500, confidence: float = 0.95) -> pd.DataFrame:
    """What is each item's true level, or score? One row a unit, with the probability of every level.

    `level` is the most probable one and `probability` its posterior: 1 is certain, 1/q no better than a guess among q levels.
    `p_<level>` are all posteriors, the item's soft label (missing where another group's scale has the level). `value` is the mean of
    the levels' values under them, or the estimated score.

    `method`: "majority", shares of the ratings; "weighted", ratings weighted by how often their rater is with the majority;
    "dawid_skene", each rater has an error matrix p(given | true): p(true = t) ~ prevalence_t prod p_j(given_j | t), by EM from
    the vote; "one_coin", each rater has one accuracy, the wrong levels being equally likely: steadier below some 20 ratings a
    rater for each level; "numeric", score = truth + rater's bias + rater's noise. All but the last take levels for categories, without
    their order. Equally probable levels are a tie, which `note` says: `level` is then the commoner in the group, then the first.
    No model beats the vote everywhere: `calibration` tells which does on your data.

    `decided_by`: "panel"; "adjudicator" where one rated the unit, whatever its selection: their rating is `level`, `probability` is the
    panel's of it, and the soft label and `value` stay the panel's; "gold". Of adjudicators the highest layer counts, and none where
    those of one layer differ. Read with `exclude={"rater_kind": "adjudicator"}` for the panel's own word.

    `by`: columns that make groups, each fitted by itself. `gold`: units with a rating of kind "gold", or else an adjudication, have it as
    their truth, certain, and teach the raters' errors; contested-first review then teaches on hard units. `repeats`: all of a rater's
    ratings of a unit count, not the last alone. `start`: a former `confusion`, of which the models begin; with `iterations=0` its error
    matrices are applied as they are. `smoothing`: ratings added to each cell of an error matrix; 0 is the paper's, and rules out what
    was never seen. `iterations`: at most as many rounds of EM. Ratings of the selections routed and review, where let in, tell of the unit
    like any and less of their rater: they stand on harder units (`vote.teaching`).
    Intervals, at `confidence`: posterior quantiles (levels) or normal (numeric), the model's parameters taken as known; votes: t
    over the item's ratings. `n_dropped` is 0 here: `confusion` counts what the panel's rules left out.

    Undefined (nan, reason in `note`): models where no item has two raters (and no gold, no start) or one level occurs, `level`
    then being the vote's; level methods on scores without levels (nominal: a mean, and numeric); an interval of no width.
    Errors: `ParameterError` for options; `RatingsError` where a group mixes scales. Sources: Dawid and Skene (1979),
    doi:10.2307/2346806; one coin: Zhang et al. (2016), JMLR 17:102; weighted: "Wawa" of Ustalov et al. (2024),
    doi:10.21105/joss.06227; numeric: Raykar et al. (2010), JMLR 11:1297, with biases added.

    >>> import pandas as pd, workbench as wb
    >>> votes = pd.DataFrame({"ann": list("yynny"), "bob": list("yynnn"), "cem": list("ynnyn")}, index=list("abcde"))
    >>> consensus(wb.from_matrix(votes), method="majority")[["item_id", "level", "probability"]].round(2).values.tolist()[:2]
    [['a', 'y', 1.0], ['b', 'y', 0.67]]
    """
    from workbench.reduce import votes

    options = Options(method, gold, repeats, start, smoothing, iterations, confidence)
    groups = votes(ratings, by=by, repeats=repeats, truth=AUTHORITIES if gold else ["adjudicator"])
    parts = [unit_rows(group, answered(group, options), options) for group in groups]
    unit = [c for c in ("item_id", "step", "criterion", "rubric") if c not in by]
    return as_estimates(parts, [*by, *unit], ["level", "probability", "decided_by"])


def confusion(ratings: Ratings, *, by: Sequence[str] = (), method: str = "dawid_skene", gold: bool = False, repeats: bool = False,
              start: pd.DataFrame | None = None, smoothing: float = 0.1, iterations: int = 500, confidence: float = 0.95) -> pd.DataFrame:
    """Which errors does each rater make? Probabilities of the level given, for each true level, and what else the model learnt.

    Rows by `name`: `confusion` (rater_id, true, given), 1 on the diagonal being a rater without error; `accuracy` (rater_id), the diagonal
    weighted by prevalence; `prevalence` (true), the share of items truly at a level; `log_likelihood`. Votes are held
    against themselves, which flatters. "numeric": `bias` (rater_id), above 0 too high, in score units; `noise`, the standard
    deviation that is left. "one_coin" has no `confusion` rows.

    Arguments as in `consensus`, to whose `start` the table of a model may be given. `n_expected` is how many ratings, as far as the
    truth is known, an estimate rests on. Intervals of the models' shares are Wilson's, of as many ratings as would have the error that
    the fit's own information gives, which counts the truth as unknown; those of votes (Wilson) and of "numeric" (bias normal,
    noise chi-square) take it for known and are too narrow where it is doubtful, as are all beyond 1,000 parameters, which `note` says.

    Undefined (nan, reason in `note`): as in `consensus`; errors at a true level of which the rater is expected to have met less
    than half an item; bias and noise of a rater who shares no item. Errors and sources: as in `consensus`; Wilson (1927),
    doi:10.1080/01621459.1927.10502953.

    >>> import pandas as pd, workbench as wb
    >>> votes = pd.DataFrame({"ann": list("yynny"), "bob": list("yynnn"), "cem": list("ynnyn")}, index=list("abcde"))
    >>> found = confusion(wb.from_matrix(votes), method="majority")
    >>> found[found["name"] == "accuracy"][["rater_id", "value"]].round(2).values.tolist()
    [['ann', 0.73], ['bob', 0.8], ['cem', 0.67]]
    """
    from workbench.reduce import votes

    options = Options(method, gold, repeats, start, smoothing, iterations, confidence)
    parts = []
    for group in votes(ratings, by=by, repeats=repeats, truth=AUTHORITIES if gold else ()):
        answer = answered(group, options)
        parts += (score_rows if method == "numeric" else level_rows)(group, answer, options)
    return as_estimates(parts, [*by, *(c for c in ("rater_id", "true", "given") if c not in by)], ["n_expected"])


def calibration(ratings: Ratings, *, by: Sequence[str] = (), method: str = "dawid_skene", repeats: bool = False, smoothing: float = 0.1,
                iterations: int = 500, bins: int = 10, confidence: float = 0.95) -> pd.DataFrame:
    """How far is the consensus right, and does its probability mean what it says? Held against truth that the fit has not seen.

    The truth is gold. Where adjudicators rated units without it, the rows stand again for these, never pooled: `accuracy_on_audit`, ...
    where they were drawn by lot from what was undecided; `accuracy_on_review`, ... where they were chosen, as a rule the contested first:
    no fair sample of items, on which accuracy is lower than on all. An adjudicator's own former rating stays in the panel, which flatters.

    Rows by `name`, for `method` and beside it for the majority vote (column `consensus`): `accuracy`, the share of units whose
    level is right, one of k tied levels counting 1/k; `brier`, the mean of sum_k (p_k - [k is true])^2, from 0 to 2; `log_loss`,
    the mean of -log p_true (p at least 1e-15); `calibration_error`, the mean distance of probability and accuracy over bins of
    `probability`, which chance alone keeps above 0 (`note` says how far; no interval); `reliability`, for each bin (`from`, `to`) the
    share right as `value` beside the mean probability `predicted`.
    "numeric", beside the plain mean: `rmse`, `mean_error` (above 0 too high), `coverage`, the share of truths within the intervals.

    Arguments as in `consensus`; `bins` of equal width between 0 and 1. Intervals, units of known truth as the sample: Wilson for shares,
    else linearised. Undefined (nan, reason in `note`): no gold on these units; as in `consensus`. Errors: as there.
    Sources: Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2; calibration error: Naeini et al. (2015), AAAI.

    >>> import pandas as pd, workbench as wb
    >>> rows = [(i, r, s) for i, *votes in ["ayyyy", "bnnyn", "cyynn"] for r, s in zip(["ann", "bob", "cem", "key"], votes)]
    >>> frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "label"])
    >>> frame["rater_kind"] = frame["rater_id"].map({"key": "gold"}).fillna("human")
    >>> calibration(wb.read(frame), method="majority").round(3)[["name", "value", "n_items"]].values.tolist()[:2]
    [['accuracy', 0.667, 3], ['brier', 0.37, 3]]
    """
    from workbench.reduce import votes

    options = Options(method=method, repeats=repeats, smoothing=smoothing, iterations=iterations, confidence=confidence)
    if not (isinstance(bins, int) and 1 <= bins <= MAX_BINS):
        raise ParameterError(f"bins={bins!r} is not a number of bins. Use a whole number from 1 to {MAX_BINS:,}, such as 10.")
    rows: list[dict[str, object]] = []
    for group in votes(ratings, by=by, repeats=repeats, truth=AUTHORITIES):
        for name in dict.fromkeys((method, "majority")):
            answer = answered(group, replace(options, method=name))
            for truth in ("gold", *(one for one in ADJUDICATED if (group.told_by == one).any())):
                rows += calibration_rows(group, answer, name, options, bins, truth)
    return estimates_table(rows, by=[*by, "consensus"])
