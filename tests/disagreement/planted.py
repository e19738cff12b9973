"""Ratings drawn with planted disagreement, for the tests of this folder."""

from __future__ import annotations

import numpy as np
import pandas as pd

import workbench as wb
from workbench.disagreement.units import units_of

WORDS = ("bread flour oven yeast dough crust", "tensor kernel stride batch layer neuron", "court appeal clause treaty judge lease",
         "river delta glacier basin canyon lagoon")


def drawn(seed, *, n_items=160, n_raters=8, k=3, hot=0.0, noisy=0, nested=False, topic_hot=0.0, texts=False):
    """Ratings 0-4 of items by `k` random raters of different severity.

    `hot` widens the noise of task type k1, `topic_hot` that of the third topic. The first `noisy` raters have threefold noise;
    `nested` gives them most items of task type k0.
    """
    rng = np.random.default_rng(seed)
    quality, severity = rng.normal(0, 1, n_items), rng.normal(0, 0.7, n_raters)
    width = np.where(np.arange(n_raters) < noisy, 3.0, 1.0)
    kind, topic = rng.integers(0, 4, n_items), rng.integers(0, len(WORDS), n_items)
    rows = []
    for i in range(n_items):
        liking = np.where(np.arange(n_raters) < noisy, 8.0 if kind[i] == 0 else 0.5, 1.0) if nested else np.ones(n_raters)
        raters = rng.choice(n_raters, k, replace=False, p=liking / liking.sum())
        spread = 0.7 * width[raters] * (1 + hot * (kind[i] == 1) + topic_hot * (topic[i] == 2))
        score = np.digitize(quality[i] + severity[raters] + rng.normal(0, 1, k) * spread, [-1.5, -0.5, 0.5, 1.5])
        text = " ".join(rng.choice(WORDS[topic[i]].split(), 6)) if texts else None
        rows += [(f"i{i:03d}", f"r{r}", int(s), f"k{kind[i]}", text) for r, s in zip(raters, score)]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "score", "task_type", "text"])
    return frame if texts else frame.drop(columns="text")


def parts_of(frame):
    """The units of such ratings without reading them: for the many draws of a null."""
    cells = frame.assign(unit=pd.factorize(frame["item_id"])[0], step=None, criterion="overall", rubric="default", rubric_version="1",
                         place=frame["score"] / 4)
    return [units_of(cells, nominal=False)]


def units_from(rows):
    """The units of rows of raters over items a, b, c, ... without reading them: numbers 1-5 on a scale, words nominal."""
    nominal = isinstance(rows[0][0], str)
    cells = [{"item_id": chr(97 + i), "unit": i, "rater_id": f"r{j}", "place": ord(x) if nominal else (x - 1) / 4}
             for j, row in enumerate(rows) for i, x in enumerate(row)]
    frame = pd.DataFrame(cells).assign(step=None, criterion="overall", rubric="default", rubric_version="1")
    return units_of(frame, nominal=nominal)


def matrix(rows, scale=None):
    """Ratings from rows of raters over items a, b, c, ..."""
    index = [chr(97 + k) for k in range(len(rows[0]))]
    return wb.from_matrix(pd.DataFrame({f"r{j}": pd.Series(row, index=index) for j, row in enumerate(rows)}), scale=scale)
