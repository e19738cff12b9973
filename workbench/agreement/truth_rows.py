"""Answers as tables: a row a unit, and rows of what was learnt of the raters. Whole columns at once: units are many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.answers import MODELS, Answer, Options, is_silent
from workbench.agreement.calibrated import wilson
from workbench.agreement.dawid_skene import error_matrices, m_step, votes_of
from workbench.agreement.information import parameter_errors
from workbench.agreement.numeric import PRIOR
from workbench.estimates import MEASURES, SUCH_RATERS, THESE_RATERS, estimate, join_notes

if TYPE_CHECKING:
    from workbench.reduce import Votes

ALONE = "shares no item with another rater"
TOO_MANY = "too many parameters for errors that count the truth as unknown: too narrow"
HARDLY_MET = "less than half an item of this level is expected"
FLAT = 1e-9  # a share this near 0 or 1 has no error to count by
FEWEST = 0.5  # expected ratings below which an error rate would be little but its smoothing


def unit_rows(group: Votes, answer: Answer, options: Options) -> pd.DataFrame:
    """One row a unit."""
    n, posterior = group.n_items, answer.posterior
    soft = {} if posterior is None else {f"p_{name}": posterior[:, k] for k, name in enumerate(group.levels)}
    told, place, probability = group.gold_level >= 0, answer.place, answer.probability
    if posterior is None:
        told = options.gold & np.isfinite(group.gold_score) & np.isfinite(answer.value)
    else:
        place = np.where(told, group.gold_level, place)
        probability = np.where(told, posterior[np.arange(n), place], probability)
    return rows(group, "consensus", n, **{c: group.units[c].to_numpy() for c in group.units}, value=answer.value, low=answer.low,
                high=answer.high, se=answer.se, confidence=options.confidence, method=answer.method,
                estimand=SUCH_RATERS if answer.method == "t" else THESE_RATERS, n_items=1, n_raters=group.raters_per_item,
                n_ratings=np.bincount(group.item, minlength=n), n_dropped=0, note=answer.note,
                level=np.array([*group.levels, None], dtype=object)[place], probability=probability,
                decided_by=np.where(~told, "panel", np.where(group.told_by == "gold", "gold", "adjudicator")), **soft)


def level_rows(group: Votes, answer: Answer, options: Options) -> list[pd.DataFrame]:
    """Prevalence, error matrices, accuracies, and a model's likelihood."""
    if answer.reason or answer.posterior is None:
        return [rows(group, "accuracy", 1, note=join_notes(answer.reason, group.note))]
    m, q = group.n_raters, len(group.levels)
    if options.method in MODELS:
        prevalence, errors, expected = answer.fit.prevalence, answer.fit.errors, answer.fit.expected
    else:
        design = votes_of(group.item, group.rater, group.level, (group.n_items, m, q))
        prevalence, errors, expected = m_step(design.T, np.ones(group.n_items), answer.posterior.T, error_matrices(0), m)
        errors, expected = errors.transpose(0, 2, 1), expected.transpose(0, 2, 1)
    own, names = np.bincount(group.rater, minlength=m), np.array(group.levels, dtype=object)
    judge, true, given = (axis.ravel() for axis in np.indices((m, q, q)))
    held = expected.sum(axis=2)[judge, true]
    fitted = options.method in MODELS and options.iterations > 0
    known = parameter_errors(group, answer.fit, options.smoothing, coin=options.method == "one_coin") if fitted else None
    answer = replace(answer, remark=join_notes(TOO_MANY, answer.remark)) if fitted and known is None else answer
    se = (None,) * 3 if known is None else (known[0], known[1].ravel(), known[2])
    found = [share_rows(group, answer, options, "prevalence", prevalence, np.full(q, float(group.n_items)), se[0], true=names)]
    if options.method != "one_coin":
        found.append(share_rows(group, answer, options, "confusion", np.where(held >= FEWEST, errors.ravel(), np.nan), held, se[1],
                                true=names[true], given=names[given], **of_raters(group, judge)))
    found.append(share_rows(group, answer, options, "accuracy", np.einsum("jkk,k->j", errors, prevalence), own.astype(float), se[2],
                            **of_raters(group, np.arange(m))))
    if options.method in MODELS:
        found.append(rows(group, "log_likelihood", 1, value=answer.fit.log_likelihood, note=answer.remark))
    return found


def share_rows(group: Votes, answer: Answer, options: Options, name: str, share: np.ndarray, n: np.ndarray,
               se: np.ndarray | None = None, **columns: object) -> pd.DataFrame:
    """Rows of shares (k,) of n (k,) things, with Wilson intervals; with errors `se`, of as many things as would have those errors."""
    defined = np.isfinite(share)
    counted = n
    if se is not None:
        spread = np.where(defined, share * (1 - share), 0)
        counted = np.where(spread > FLAT, np.minimum(n, spread / np.maximum(se, FLAT) ** 2), n)
        columns["se"] = np.where(defined, se, np.nan)
    low, high = wilson(share, np.where(defined, counted, np.nan), options.confidence)
    note = np.where(defined, answer.remark, join_notes(HARDLY_MET, answer.remark)).astype(object)
    return rows(group, name, len(share), value=share, low=low, high=high, confidence=options.confidence, method="wilson", note=note,
                n_expected=n, **columns)


def score_rows(group: Votes, answer: Answer, options: Options) -> list[pd.DataFrame]:
    """Bias and noise of each rater."""
    from scipy.special import chdtri, ndtri

    if answer.reason:
        return [rows(group, "bias", 1, note=join_notes(answer.reason, group.note))]
    fit, own = answer.fit, np.bincount(group.rater, minlength=group.n_raters)
    alone = (np.bincount(fit.sets, minlength=len(fit.free)) == 1)[fit.sets] & fit.free[fit.sets]
    bias, noise = np.where(alone, np.nan, fit.bias), np.where(alone | is_silent(fit, group), np.nan, fit.noise)
    se = np.where(np.isfinite(noise), fit.bias_se, np.nan)
    tail, reach = (1 - options.confidence) / 2, float(ndtri((1 + options.confidence) / 2)) * se
    ends = [noise * np.sqrt((own + PRIOR) / chdtri(own + PRIOR, share)) for share in (tail, 1 - tail)]
    shared = {**of_raters(group, np.arange(len(own))), "n_expected": own.astype(float), "confidence": options.confidence,
              "note": np.where(alone, join_notes(ALONE, answer.remark), answer.remark).astype(object)}
    return [rows(group, "bias", len(own), value=bias, se=se, low=bias - reach, high=bias + reach, method="posterior", **shared),
            rows(group, "noise", len(own), value=noise, low=ends[0], high=ends[1], method="chi-square", **shared)]


def of_raters(group: Votes, code: np.ndarray) -> dict[str, object]:
    """The columns that say whom a row is about, (k,) by the raters' codes, and what they rated."""
    return {"rater_id": group.raters[code], "n_items": group.items_per_rater[code], "n_raters": 1,
            "n_ratings": np.bincount(group.rater, minlength=group.n_raters)[code]}


def rows(group: Votes, name: str, n: int, **columns: object) -> pd.DataFrame:
    """`n` rows of estimates with the group's key and counts; `columns` are arrays (n,) or one value for all."""
    counts = dict(n_items=group.n_items, n_raters=group.n_raters, n_ratings=group.n_ratings, n_dropped=group.n_dropped)
    return pd.DataFrame({**estimate(name, np.nan, **counts, note=group.note), **columns, **group.key}, index=range(n))


def as_estimates(parts: Sequence[pd.DataFrame], by: Sequence[str], further: Sequence[str]) -> pd.DataFrame:
    """Parts made by `rows` as one estimates table, which has the `further` columns whatever the parts.

    As in `estimates_table` an interval of no width is none; a posterior's standard deviation stays where it is above 0.
    """
    first = ["name", *by, *MEASURES, *further]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({c: [] for c in first})
    table = table.reindex(columns=[*first, *(c for c in table if c not in first)])
    flat = (table["low"] == table["high"]) & table["low"].notna()
    table.loc[flat, ["low", "high"]] = np.nan
    table.loc[flat & ~(table["se"] > 0), "se"] = np.nan
    table["confidence"] = table["confidence"].where(table["low"].notna())
    table["method"] = table["method"].where(table["low"].notna(), "none")
    notes = table.loc[flat, "note"]
    table.loc[flat, "note"] = notes.map({note: join_notes(note, "interval has no width") for note in notes.unique()})
    return table
