"""What a latent-class fit knows of its own parameters: standard errors that count the truth as unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from workbench.agreement.dawid_skene import LatentClasses
    from workbench.reduce import Votes

# Parameters, and products of scores within items, beyond which the errors would cost more than the fit.
PARAMETERS, PRODUCTS = 1_000, 300_000_000


def parameter_errors(group: Votes, fit: LatentClasses, smoothing: float, *, coin: bool) -> tuple[np.ndarray, ...] | None:
    """Standard errors of prevalence (q,), of the error rates (m, true, given) and of the accuracies (m,); None where too many.

    The information is the sum over items of their scores' outer products (Berndt, Hall, Hall and Hausman 1974; McLachlan and Peel
    2000, Finite Mixture Models, 2.15.2), in logits, and of the smoothing that of so many ratings; then the delta method.
    """
    from scipy.linalg import solve

    m, q = fit.errors.shape[:2]
    size = q + m * (1 if coin else q * q)
    if size > PARAMETERS or (np.bincount(group.item).astype(float) ** 2).sum() * ((size - q) / m) ** 2 > PRODUCTS:
        return None
    score = scores(group, fit, coin=coin)
    information = (score.T @ score).toarray()
    information += 1e-9 * (1 + information.diagonal().max()) * np.eye(size)  # logits that rise alike change nothing; slopes are blind to it
    e, p = fit.errors, fit.prevalence
    slope = np.zeros((size, q + m * q * q + m))
    slope[:q, :q] = np.diag(p) - np.outer(p, p)
    of_errors, of_accuracy = slope[:, q:q + m * q * q].reshape(size, m, q, q), slope[:, q + m * q * q:]
    if coin:
        move, at = e[:, 0, 0] * (1 - e[:, 0, 0]), np.arange(m)
        of_errors[q + at, at] = move[:, None, None] * np.where(np.eye(q), 1, -1 / max(q - 1, 1))
        of_accuracy[q + at, at] = move
        information[q + at, q + at] += q * smoothing * move
    else:
        of_accuracy[:q] = slope[:q, :q] @ np.einsum("jkk->kj", e)
        for j, t in np.ndindex(m, q):
            at, move = slice(q + (j * q + t) * q, q + (j * q + t + 1) * q), np.diag(e[j, t]) - np.outer(e[j, t], e[j, t])
            of_errors[at, j, t], of_accuracy[at, j] = move, p[t] * move[:, t]
            information[at, at] += q * smoothing * move
    variance = np.maximum((slope * solve(information, slope, assume_a="pos")).sum(axis=0), 0)
    prevalence, errors, accuracy = np.split(np.sqrt(variance), [q, q + m * q * q])
    return prevalence, errors.reshape(m, q, q), accuracy


def scores(group: Votes, fit: LatentClasses, *, coin: bool) -> csr_array:
    """Slope of each item's log-likelihood in the logits of prevalence, then of each rater's error rates or accuracy, (N, .).

    With g the item's posterior: g_t - p_t; for each rating at k of a rater with rates e, g_t ([k was given] - e_tk); with one `coin` a
    rater, g_given - its accuracy.
    """
    from scipy.sparse import csr_array, hstack

    (n, q), m, g = fit.posterior.shape, len(fit.errors), fit.posterior
    if coin:
        of_raters = csr_array((g[group.item, group.level] - fit.errors[group.rater, 0, 0], (group.item, group.rater)), shape=(n, m))
    else:
        value = g[group.item][:, :, None] * ((np.arange(q) == group.level[:, None])[:, None] - fit.errors[group.rater])
        column = group.rater[:, None] * q * q + np.arange(q * q)
        of_raters = csr_array((value.ravel(), (np.repeat(group.item, q * q), column.ravel())), shape=(n, m * q * q))
    return csr_array(hstack([csr_array(g - fit.prevalence), of_raters]))
