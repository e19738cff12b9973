"""Errors of a latent-class fit: scores against differences of the likelihood, and intervals on planted truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom
from test_truth import ask, confusion, group_of  # noqa: F401

from workbench.agreement import information
from workbench.agreement.dawid_skene import error_matrices, latent_classes, one_accuracy
from workbench.agreement.information import parameter_errors, scores

SLOPE = 1e-5    # central differences of step 1e-5, at a posterior that EM has settled to 1e-7


def planted(seed, n=300, m=8, per=3, low=0.65, shares=(0.6, 0.4), coin=False):
    """Votes of raters whose accuracies are drawn for each level, or once (`coin`), and those accuracies (m, q)."""
    generator, q = np.random.default_rng(seed), len(shares)
    truth, sharp = generator.choice(q, n, p=shares), generator.uniform(low, 0.95, (m, 1 if coin else q)) * np.ones(q)
    who = np.array([generator.permutation(m)[:per] for _ in range(n)])
    right = generator.random((n, per)) < sharp[who, truth[:, None]]
    given = np.where(right, truth[:, None], (truth[:, None] + generator.integers(1, q, (n, per))) % q)
    return group_of([(f"i{i:04d}", f"r{j}", "abcd"[k]) for i in range(n) for j, k in zip(who[i], given[i])]), sharp


def fit_of(group, coin):
    shape = (group.n_items, group.n_raters, len(group.levels))
    return latent_classes(group.item, group.rater, group.level, shape, rates=(one_accuracy if coin else error_matrices)(0.1))


def likelihoods(group, prevalence, errors):
    """Log-likelihood of each item, by counting."""
    joint = np.tile(prevalence, (group.n_items, 1))
    for i, j, k in zip(group.item, group.rater, group.level):
        joint[i] *= errors[j, :, k]
    return np.log(joint.sum(axis=1))


def softened(logits):
    whole = np.exp(logits)
    return whole / whole.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("coin", [False, True])
def test_scores_are_slopes_of_the_likelihood(coin):
    group, _ = planted(1, n=25, m=4, shares=(0.5, 0.3, 0.2), coin=coin)
    fit = fit_of(group, coin)
    m, q = fit.errors.shape[:2]
    accuracy = fit.errors[:, 0, 0]
    start = [np.log(fit.prevalence), (np.log(accuracy / (1 - accuracy)) if coin else np.log(fit.errors)).ravel()]

    def at(place, step):
        logits = np.concatenate(start)
        logits[place] += step
        rates = logits[q:].reshape(m, q, q) if not coin else None
        right = 1 / (1 + np.exp(-logits[q:]))[:, None, None] if coin else None
        return likelihoods(group, softened(logits[:q]), np.where(np.eye(q), right, (1 - right) / (q - 1)) if coin else softened(rates))
    slopes = np.column_stack([(at(k, 1e-5) - at(k, -1e-5)) / 2e-5 for k in range(q + (m if coin else m * q * q))])
    assert scores(group, fit, coin=coin).toarray() == pytest.approx(slopes, abs=SLOPE)


@pytest.mark.parametrize("coin", [False, True])
def test_intervals_hold_the_planted_accuracies_and_prevalence(ask, coin):  # noqa: F811
    # Counted as if the truth were known the same intervals held accuracies in .78-.85 of cases, prevalence in .47-.85.
    held = {"accuracy": [], "prevalence": []}
    for seed in range(25):
        group, sharp = planted(seed, coin=coin)
        table = ask(confusion, group, method="one_coin" if coin else "dawid_skene")
        for name, true in (("accuracy", sharp @ [0.6, 0.4]), ("prevalence", np.array([0.6, 0.4]))):
            rows = table[table["name"] == name]
            held[name] += ((rows["low"] <= true) & (true <= rows["high"])).tolist()
    assert binom.ppf(0.001, 200, 0.93) / 200 <= np.mean(held["accuracy"])
    assert binom.ppf(0.001, 25, 0.93) / 25 <= np.mean(held["prevalence"])


def test_known_truth_leaves_the_binomial_error():
    # Raters who never err but one, whose errors are then counted: 15 of 100 wrong.
    words = [(f"i{i:03d}", f"r{j}", "ab"[i % 2 if j or i >= 15 else 1 - i % 2]) for i in range(100) for j in range(4)]
    group = group_of(words)
    fit = fit_of(group, True)
    errors = parameter_errors(group, fit, 0.1, coin=True)
    assert errors[2][0] == pytest.approx(np.sqrt(0.85 * 0.15 / 100), rel=0.02)  # the smoothing is .2 ratings of 100
    assert errors[0] == pytest.approx([0.05, 0.05], rel=0.01)


def test_beyond_what_can_be_paid_for_the_note_says_so(ask, monkeypatch):  # noqa: F811
    group, _ = planted(3)
    narrow = ask(confusion, group)
    monkeypatch.setattr(information, "PARAMETERS", 10)
    taken = ask(confusion, group)
    assert taken["note"].str.contains("count the truth as unknown: too narrow").all() and taken["se"].isna().all()
    assert not narrow["note"].str.contains("too narrow").any()
    rows = [table[table["name"] == "accuracy"] for table in (narrow, taken)]
    assert (rows[0]["high"] - rows[0]["low"] > rows[1]["high"] - rows[1]["low"]).all()
