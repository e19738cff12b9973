"""How much a pair of levels agrees: 1 for the same level, less the further apart (Gwet 2014, Handbook of IRR)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np

from workbench.errors import ParameterError, one_of, shorten

# A full table of weights beyond this many levels would outgrow memory; identity weights need none.
MAX_LEVELS = 3_000


def _identity(x: np.ndarray) -> np.ndarray:
    return np.zeros((len(x), len(x))) + (np.arange(len(x))[:, None] != np.arange(len(x)))


def _ordinal(x: np.ndarray) -> np.ndarray:
    steps = np.abs(np.arange(len(x))[:, None] - np.arange(len(x)))
    return steps * (steps + 1) / 2


def _ratio(x: np.ndarray) -> np.ndarray:
    total = x[:, None] + x
    return ((x[:, None] - x) / np.where(total == 0, 1, total)) ** 2


def _bipolar(x: np.ndarray) -> np.ndarray:
    total = x[:, None] + x
    room = (total - 2 * x.min()) * (2 * x.max() - total)
    return (x[:, None] - x) ** 2 / np.where(room == 0, 1, room)


# Distance between levels with values `x` (q,) -> (q, q); a weight is 1 less the distance over the largest one.
DISTANCES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": _identity,
    "linear": lambda x: np.abs(x[:, None] - x),
    "quadratic": lambda x: (x[:, None] - x) ** 2,
    "ordinal": _ordinal,
    "radical": lambda x: np.sqrt(np.abs(x[:, None] - x)),
    "ratio": _ratio,
    # the circle closes after one step more, of the least size that occurs
    "circular": lambda x: np.sin(np.pi * (x[:, None] - x) / (np.ptp(x) + np.diff(np.unique(x)).min(initial=np.inf))) ** 2,
    "bipolar": _bipolar,
}

# The weights that use as much as a scale promises and no more: only order on an ordinal one, distances on an interval one.
BY_SCALE = {"nominal": "identity", "ordinal": "ordinal", "interval": "quadratic", "ratio": "ratio"}


def weight_matrix(weights: str | np.ndarray, values: np.ndarray) -> np.ndarray:
    """Agreement weights (q, q) of levels with `values` (q,), by name or checked as given.

    A matrix of one's own must be (q, q), finite, symmetric, 1 on the diagonal, and elsewhere at most 1 and not 1 throughout;
    `ParameterError` otherwise.
    """
    if not isinstance(weights, str):
        return _own(_numbers("weights", weights), len(values))
    one_of("weights", weights, DISTANCES)
    if not len(values):
        return np.zeros((0, 0))
    if len(values) > MAX_LEVELS:
        raise ParameterError(f"weights={weights!r} needs a table of levels by levels, and {len(values):,} levels occur "
                             f"(at most {MAX_LEVELS:,}). Use krippendorff_alpha(scale='interval') for many-valued scores.")
    if weights == "ratio" and (values < 0).any():
        raise ParameterError(f"weights='ratio' needs values of 0 or more; the lowest level is {values.min():g}.")
    # by a power of two, which rounds nothing: squares of scores such as 1e-300 or 1e300 would leave the range of numbers
    distance = DISTANCES[weights](np.ldexp(np.asarray(values, dtype=float), 1 - np.frexp(np.abs(values).max())[1]))
    return 1 - distance / max(distance.max(), np.finfo(float).tiny)


def _numbers(name: str, table: object) -> np.ndarray:
    """A caller's table as numbers, whatever it was given as. Errors: `ParameterError` where it is none."""
    with suppress(TypeError, ValueError):
        if (made := np.asarray(table, dtype=float)).ndim:
            return made
    raise ParameterError(f"{name}={shorten(repr(table))} is neither a name nor a table of numbers. Give one of the names in the "
                         "docstring, or one row and one column a level.")


def _own(weights: np.ndarray, q: int) -> np.ndarray:
    if weights.shape != (q, q):
        raise ParameterError(f"weights has shape {weights.shape}, but there are {q} levels. "
                             f"Give one row and one column a level: ({q}, {q}).")
    finite = bool(np.isfinite(weights).all())
    faults = [text for text, wrong in (("finite", not finite), ("symmetric", finite and not np.allclose(weights, weights.T)),
                                       ("1 on the diagonal", finite and not np.allclose(np.diag(weights), 1)),
                                       ("at most 1", finite and bool((weights > 1).any())),
                                       ("below 1 somewhere", q > 1 and finite and bool((weights == 1).all()))) if wrong]
    if faults:
        raise ParameterError(f"weights must be {' and '.join(faults)}: they say how much two levels agree, 1 being the same.")
    return weights


def distance_matrix(distance: np.ndarray, q: int) -> np.ndarray:
    """A table of one's own of squared distances between levels, checked: (q, q), finite, symmetric, 0 on the diagonal and not
    below 0 elsewhere, and not 0 throughout; `ParameterError` otherwise."""
    table = _numbers("scale", distance)
    if table.shape != (q, q):
        raise ParameterError(f"scale has shape {table.shape}, but there are {q} levels. Give the squared distance of each two "
                             f"levels, one row and one column a level: ({q}, {q}).")
    finite = bool(np.isfinite(table).all())
    faults = [text for text, wrong in (("finite", not finite), ("symmetric", finite and not np.allclose(table, table.T)),
                                       ("0 on the diagonal", finite and bool(np.diag(table).any())),
                                       ("0 or more", finite and bool((table < 0).any())),
                                       ("above 0 somewhere", q > 1 and finite and not table.any())) if wrong]
    if faults:
        raise ParameterError(f"scale must be {' and '.join(faults)}: it says how far two levels are apart, squared, 0 being the same.")
    return table
