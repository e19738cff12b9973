from __future__ import annotations

from math import log, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from panels import oracle
from test_vote import coded

from workbench.agreement import dawid_skene
from workbench.agreement.dawid_skene import error_matrices, latent_classes, merged, one_accuracy, votes_of
from workbench.agreement.vote import shares

PAPER = 5e-5    # error rates of four printed digits
SIX = 5e-7      # prevalence and log-likelihood of six
LOOP = 1e-10    # the same sums in another order
PEER = 1e-6     # crowd-kit holds probabilities above 1e-10 and prints seven digits here
SAME = 1e-9     # what EM in another order of the ratings may differ by

PLAIN = error_matrices(0)


def patients():
    """Dawid and Skene's 45 patients as codes; the first observer rated each three times."""
    case = oracle("dawid_skene_1979")
    rows = [(i, j, level - 1) for i, cells in enumerate(case["data"]) for j, cell in enumerate(cells) for level in cell]
    return tuple(map(np.array, zip(*rows))), case["expected"]


def drawn(seed=0, n=60, m=6, q=3, per=4, sharp=(0.9, 0.8, 0.7, 0.6, 0.5, 0.4)):
    """Truth and codes of a panel whose raters have the accuracies `sharp`."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(q, size=n)
    item = np.repeat(np.arange(n), per)
    rater = np.concatenate([generator.permutation(m)[:per] for _ in range(n)])
    right = generator.random(n * per) < np.array(sharp)[rater]
    return truth, (item, rater, np.where(right, truth[item], generator.integers(q, size=n * per)))


def em_by_loop(item, rater, level, shape, rounds, smoothing, coin=False, teaches=None):
    """The paper's steps (2.3) to (2.5), rating by rating."""
    n, m, q = shape
    held = [[(j, k) for i, j, k in zip(item, rater, level) if i == unit] for unit in range(n)]
    posterior = [[sum(k == t for _, k in votes) / len(votes) for t in range(q)] for votes in held]
    for _ in range(rounds):
        prevalence = [sum(row[t] for row in posterior) / n for t in range(q)]
        count = [[[smoothing] * q for _ in range(q)] for _ in range(m)]
        for unit, votes in enumerate(held):
            for j, k in votes:
                for t in range(q):
                    count[j][t][k] += posterior[unit][t] * (1 if teaches is None else teaches[unit])
        errors = [[[cell / sum(row) if sum(row) else 1 / q for cell in row] for row in table] for table in count]
        if coin:
            right = [(sum(table[t][t] for t in range(q)) - q * smoothing + smoothing)
                     / (sum(map(sum, table)) - q * q * smoothing + q * smoothing) for table in count]
            errors = [[[a if t == k else (1 - a) / (q - 1) for k in range(q)] for t in range(q)] for a in right]
        joint = [[prevalence[t] * prod(errors[j][t][k] for j, k in votes) for t in range(q)] for votes in held]
        likelihood = sum(log(sum(row)) for row in joint)
        posterior = [[cell / sum(row) for cell in row] for row in joint]
    return np.array(posterior), likelihood


def test_the_papers_example_is_reproduced():
    codes, expected = patients()
    fit = latent_classes(*codes, (45, 5, 4), rates=PLAIN)
    assert fit.settled
    assert fit.prevalence == pytest.approx(expected["class_marginals_computed"], abs=SIX)
    assert fit.prevalence == pytest.approx(expected["class_marginals_paper"], abs=5e-3)  # two digits in the paper
    assert fit.errors == pytest.approx(np.array(expected["error_rates_computed[observer][true][given]"]), abs=PAPER)
    assert fit.log_likelihood == pytest.approx(expected["loglik_computed"], abs=SIX)
    assert (fit.posterior.argmax(axis=1) + 1).tolist() == expected["map_class_per_patient"]


def test_one_round_worked_by_hand():
    # Items: x says y, x says n, and on the third x: y, z: y, w: n. Shares (1, 0), (0, 1), (2/3, 1/3); prevalence of y 5/9.
    # x: given y 1 + 2/3 of y's 5/3 -> 1; of n's 1 + 1/3: 1/3 -> 1/4. z: only the third -> 1, 1. w: 0, 0.
    # Third item: 5/9 * 1 * 1 * 1 against 4/9 * 1/4 * 1 * 1: 5/6 to 1/6. First: 5/9 against 4/9 * 1/4 = 1/9: 5/6. Second: 0 to 1.
    item, rater, level = np.array([0, 1, 2, 2, 2]), np.array([0, 0, 0, 1, 2]), np.array([0, 1, 0, 0, 1])
    fit = latent_classes(item, rater, level, (3, 3, 2), rates=PLAIN, iterations=1)
    assert fit.posterior == pytest.approx(np.array([[5 / 6, 1 / 6], [0, 1], [5 / 6, 1 / 6]]), abs=LOOP)
    assert not fit.settled and fit.rounds == 1


@pytest.mark.parametrize("coin", [False, True])
@pytest.mark.parametrize("smoothing", [0, 0.3])
def test_em_is_that_of_a_plain_loop(smoothing, coin):
    _, codes = drawn()
    rates = (one_accuracy if coin else error_matrices)(smoothing)
    fit = latent_classes(*codes, (60, 6, 3), rates=rates, iterations=7)
    posterior, likelihood = em_by_loop(*codes, (60, 6, 3), 7, smoothing, coin)
    assert fit.posterior == pytest.approx(posterior, abs=LOOP)
    assert fit.log_likelihood == pytest.approx(likelihood, rel=LOOP)


@pytest.mark.parametrize("coin", [False, True])
def test_units_that_teach_less_weigh_less_in_the_errors_alone(coin):
    _, codes = drawn()
    teaches = np.random.default_rng(1).uniform(0.2, 2, 60)
    rates = (one_accuracy if coin else error_matrices)(0.1)
    fit = latent_classes(*codes, (60, 6, 3), rates=rates, iterations=7, teaches=teaches)
    posterior, likelihood = em_by_loop(*codes, (60, 6, 3), 7, 0.1, coin, teaches)
    assert fit.posterior == pytest.approx(posterior, abs=LOOP)
    assert fit.log_likelihood == pytest.approx(likelihood, rel=LOOP)
    alike = latent_classes(*codes, (60, 6, 3), rates=rates, iterations=7, teaches=np.ones(60))
    assert alike.posterior == pytest.approx(latent_classes(*codes, (60, 6, 3), rates=rates, iterations=7).posterior, abs=LOOP)


def test_both_models_are_those_of_crowd_kit():
    # crowd-kit 1.4.2, n_iter=20, tol=-1, on the panel of test_vote: prevalence, an item that is in doubt, and the skills.
    codes = coded()
    fit = latent_classes(*codes, (12, 5, 3), rates=PLAIN, iterations=20)
    assert fit.prevalence == pytest.approx([0.3523667, 0.3143, 0.3333333], abs=PEER)
    assert fit.posterior[9] == pytest.approx([0.2283998, 0.7716002, 0], abs=PEER)
    assert fit.errors[1][:, 1] == pytest.approx([0.380498, 0.734861, 0], abs=PEER)
    fit = latent_classes(*codes, (12, 5, 3), rates=one_accuracy(0), iterations=20)
    assert fit.errors[:, 0, 0] == pytest.approx([0.91613, 0.7073144, 0.6984164, 0.7061412, 0.6987645], abs=PEER)
    assert fit.posterior[[0, 8, 10]] == pytest.approx(np.array([[0.9895465, 0.0086631, 0.0017903], [0.0493525, 0.0020379, 0.9486096],
                                                                [0.1849424, 0.0078385, 0.8072191]]), abs=PEER)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000))
def test_the_likelihood_never_falls_and_posteriors_sum_to_one(seed):
    _, codes = drawn(seed, n=20)
    before = -np.inf
    for rounds in (1, 2, 3, 5, 9):
        fit = latent_classes(*codes, (20, 6, 3), rates=PLAIN, iterations=rounds)
        assert fit.log_likelihood >= before - SAME
        assert fit.posterior.sum(axis=1) == pytest.approx(np.ones(20), abs=LOOP)
        before = fit.log_likelihood


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(20)), st.permutations(range(6)), st.permutations(range(3)))
def test_names_of_items_raters_and_levels_do_not_matter(items, raters, levels):
    _, (item, rater, level) = drawn(3, n=20)
    rates = error_matrices(0.1)
    fit = latent_classes(item, rater, level, (20, 6, 3), rates=rates, iterations=30)
    items, raters, levels = map(np.array, (items, raters, levels))
    moved = latent_classes(items[item], raters[rater], levels[level], (20, 6, 3), rates=rates, iterations=30)
    assert moved.posterior[items][:, levels] == pytest.approx(fit.posterior, abs=SAME)
    assert moved.errors[np.ix_(raters, levels, levels)] == pytest.approx(fit.errors, abs=SAME)


def test_items_alike_are_one_row_and_nothing_changes(monkeypatch):
    generator = np.random.default_rng(1)
    item, rater = np.repeat(np.arange(400), 3), np.tile(np.arange(3), 400)
    level = np.where(generator.random(1200) < 0.7, np.repeat(generator.integers(2, size=400), 3), generator.integers(2, size=1200))
    gold = np.where(np.arange(400) < 20, 1, -1)
    design = votes_of(item, rater, level, (400, 3, 2))
    rows, weight, kept, place = merged(design, gold)
    assert rows.shape[0] <= 16 and weight.sum() == 400  # 8 patterns, with gold or without
    assert (rows[place] != design).nnz == 0 and (kept[place] == gold).all()
    few = latent_classes(item, rater, level, (400, 3, 2), rates=PLAIN, gold=gold, iterations=20)
    monkeypatch.setattr(dawid_skene, "merged", lambda design, gold: (design, np.ones(400), gold, np.arange(400)))
    many = latent_classes(item, rater, level, (400, 3, 2), rates=PLAIN, gold=gold, iterations=20)
    assert few.posterior == pytest.approx(many.posterior, abs=SAME) and few.errors == pytest.approx(many.errors, abs=SAME)
    assert few.log_likelihood == pytest.approx(many.log_likelihood, rel=SAME)


def test_strong_raters_outweigh_a_majority_of_weak_ones():
    truth, (item, rater, level) = drawn(4, n=600, m=6, q=2, per=6, sharp=(0.95, 0.95, 0.2, 0.2, 0.2, 0.2))
    fit = latent_classes(item, rater, level, (600, 6, 2), rates=error_matrices(0.1))
    right = np.mean(fit.posterior.argmax(axis=1) == truth)
    assert right > np.mean(shares(item, level, 600, 2).argmax(axis=1) == truth) + 0.05
    diagonal = np.einsum("jkk->jk", fit.errors).mean(axis=1)
    assert diagonal[:2].min() > diagonal[2:].max() + 0.2


def test_planted_error_matrices_are_found():
    generator = np.random.default_rng(5)
    planted = np.array([[[0.9, 0.1, 0], [0.2, 0.7, 0.1], [0, 0.3, 0.7]], [[0.6, 0.3, 0.1], [0, 0.9, 0.1], [0.1, 0.1, 0.8]],
                        [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5]], [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0, 0.1, 0.9]]])
    truth = generator.choice(3, size=4000, p=[0.5, 0.3, 0.2])
    item, rater = np.repeat(np.arange(4000), 4), np.tile(np.arange(4), 4000)
    given_level = (planted[rater, truth[item]].cumsum(axis=1) < generator.random(16000)[:, None]).sum(axis=1)
    fit = latent_classes(item, rater, given_level, (4000, 4, 3), rates=PLAIN, iterations=2000)
    # 800 items of the rarest level, truth in doubt: two standard errors of a share of about 400
    assert fit.errors == pytest.approx(planted, abs=0.06) and fit.prevalence == pytest.approx([0.5, 0.3, 0.2], abs=0.03)


def test_gold_fixes_the_truth_and_teaches_the_errors():
    # Two raters agree with each other and are wrong on all gold of level 1; without gold they are believed.
    item, rater = np.repeat(np.arange(40), 3), np.tile(np.arange(3), 40)
    truth = np.arange(40) % 2
    level = np.column_stack([truth, np.zeros(40, dtype=int), np.zeros(40, dtype=int)]).ravel()
    gold = np.where(np.arange(40) < 20, truth, -1)
    blind = latent_classes(item, rater, level, (40, 3, 2), rates=error_matrices(0.1))
    fit = latent_classes(item, rater, level, (40, 3, 2), rates=error_matrices(0.1), gold=gold)
    assert (fit.posterior[:20] == np.eye(2)[truth[:20]]).all()
    assert (fit.posterior[20:].argmax(axis=1) == truth[20:]).all()
    assert (blind.posterior[20:].argmax(axis=1) != truth[20:]).any()


def test_from_its_own_result_em_stops_at_once_and_without_rounds_applies_it():
    codes, _ = patients()
    fit = latent_classes(*codes, (45, 5, 4), rates=PLAIN)
    warm = latent_classes(*codes, (45, 5, 4), rates=PLAIN, start=(fit.prevalence, fit.errors))
    assert warm.rounds <= 2 and warm.posterior == pytest.approx(fit.posterior, abs=1e-6)  # TOLERANCE, a few rounds on
    still = latent_classes(*codes, (45, 5, 4), rates=PLAIN, start=(fit.prevalence, fit.errors), iterations=0)
    assert still.posterior == pytest.approx(fit.posterior, abs=1e-6) and (still.errors == fit.errors).all() and still.rounds == 0


def test_smoothing_keeps_every_level_possible():
    codes, _ = patients()
    assert (latent_classes(*codes, (45, 5, 4), rates=PLAIN).errors == 0).any()
    smooth = latent_classes(*codes, (45, 5, 4), rates=error_matrices(0.5))
    assert smooth.errors.min() > 0 and smooth.errors.sum(axis=2) == pytest.approx(np.ones((5, 4)), abs=LOOP)
