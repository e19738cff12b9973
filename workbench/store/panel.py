"""The synthetic programme before anything is planted in it: weeks, systems, items, raters, and who rates what when.

A `State` goes from function to function; `panel` fills it, `effects.py` holds what is planted. `rows` has one line a
rating, in codes: what the rater perceives is `latent` (0 is an average answer, 1 about one standard deviation between
answers), blurred by `spread` times the noise of the criterion, and cut into levels only when all effects are in.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd

from workbench.schema import SELECTIONS, STATUSES
from workbench.store.tasks import TASK_TYPES, compose, topic_codes

CRITERIA = ("helpfulness", "safety", "accuracy")
CUTS = ((-1.4, -0.6, 0.2, 1.0), (-1.0, -0.1), (-1.4, -0.6, 0.2, 1.0))    # between the levels of each criterion
TASK_OFFSETS = ((0.0, -0.1, 0.15, 0.05), (0.2, 0.4, 0.0, -0.4), (0.0, -0.7, 0.3, 0.2))   # criterion x task type
PROMPT_SD, ITEM_SD = 0.2, 0.85
SYSTEMS = ("aster-1.0", "aster-1.1", "aster-2.0", "aster-2.1", "aster-2.2", "aster-3.0")
RELEASED = ("2025-10-06", "2025-11-24", "2026-01-19", "2026-03-02", "2026-04-06", "2026-05-04")
N_SPARE = 2           # raters an item could still be routed to
N_EXPERTS = 4
WEEK = 7 * 86_400     # seconds


@dataclass(frozen=True)
class State:
    """A programme in the making. Effects return a new one; none changes it in place."""

    seed: int
    weeks: int
    items_per_week: int
    raters_per_item: int
    last_week: str
    texts: bool
    raters: pd.DataFrame
    mix: np.ndarray = field(default_factory=lambda: np.empty((0, len(TASK_TYPES))))
    items: pd.DataFrame = field(default_factory=pd.DataFrame)
    assigned: np.ndarray = field(default_factory=lambda: np.empty((0, 0), dtype=int))
    rows: pd.DataFrame = field(default_factory=pd.DataFrame)
    truth: tuple[dict[str, object], ...] = ()

    def rng(self, name: str) -> np.random.Generator:
        """The generator of one effect: adding or leaving out another effect does not change its draws."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    def monday(self, week: int) -> date:
        """The first day of week 1, 2, ... of the programme."""
        year, number = self.last_week.split("-W")
        return date.fromisocalendar(int(year), int(number), 1) + timedelta(weeks=week - self.weeks)

    def label(self, week: int) -> str:
        """Week 1, 2, ... of the programme as an ISO week: `2026-W40`."""
        return "{}-W{:02d}".format(*self.monday(week).isocalendar()[:2])

    def of_kind(self, *kinds: str) -> np.ndarray:
        """The codes of the raters of these kinds."""
        return np.flatnonzero(self.raters["rater_kind"].isin(kinds))

    def shifted(self, chosen: np.ndarray, *, by: np.ndarray | float = 0.0, spread: float = 1.0) -> State:
        """The chosen rows (a mask) perceived higher by `by`, and their noise `spread` times as wide."""
        latent = self.rows["latent"].to_numpy() + np.where(chosen, by, 0.0)
        return replace(self, rows=self.rows.assign(latent=latent, spread=self.rows["spread"] * np.where(chosen, spread, 1.0)))

    def told(self, effect: str, what: str, *, where: dict[str, object], size: dict[str, float],
             weeks: tuple[int, int] | None = None, ids: Sequence[str] = (), find: str = "") -> State:
        """Write down what an effect planted."""
        first, last = weeks or (1, self.weeks)
        record = {"effect": effect, "what": what, "where": where, "size": size,
                  "weeks": [self.label(first), self.label(min(last, self.weeks))], "ids": list(ids), "find": find}
        return replace(self, truth=(*self.truth, record))


def people(n_raters: int) -> pd.DataFrame:
    """The raters: `n_raters` humans of three parties, then the experts, the autorater and the gold key."""
    n_lab, n_panel = round(0.4 * n_raters), round(0.27 * n_raters)
    sizes = {"lab": n_lab, "vendor_a": n_raters - n_lab - n_panel, "panel": n_panel}
    rows = [(f"{party.replace('vendor_a', 'va')}-{n:02d}", "human", party) for party, size in sizes.items()
            for n in range(1, size + 1)]
    rows += [(f"expert-{n}", "expert", "panel") for n in range(1, N_EXPERTS + 1)]
    return pd.DataFrame([*rows, ("autorater-1", "model", "lab"), ("gold", "gold", None)],
                        columns=["rater_id", "rater_kind", "party"])


def systems() -> pd.DataFrame:
    """The versions of the judged assistant, oldest first; all but the first were trained on the lab's ratings."""
    n = len(SYSTEMS)
    return pd.DataFrame({"system": SYSTEMS, "ordinal": range(1, n + 1),
                         "released_at": pd.to_datetime(list(RELEASED), utc=True).as_unit("us"),
                         "trained_on_party": [None, *["lab"] * (n - 1)], "parent": [None, *SYSTEMS[:-1]]})


def assign_raters(*, n_items: int, n_raters: int, k: int, rng: np.random.Generator) -> np.ndarray:
    """`k` different raters an item, drawn at random: codes (n_items, k)."""
    return np.argsort(rng.random((n_items, n_raters), dtype=np.float32), axis=1)[:, :k].astype(np.int32)


def panel(state: State) -> State:
    """Every week new prompts, each answered by all systems; every answer rated by `raters_per_item` random humans."""
    rng = state.rng("panel")
    n_prompts = max(1, state.items_per_week // len(SYSTEMS))
    mix = state.mix if len(state.mix) else np.tile([0.3, 0.2, 0.25, 0.25], (state.weeks, 1))
    # Shares are met as nearly as whole prompts allow, so that the mix moves only where an effect moves it.
    levels = (np.arange(n_prompts) + 0.5) / n_prompts
    task_types = np.concatenate([np.minimum((levels[:, None] > np.cumsum(row)).sum(1), 3) for row in mix])
    items = _items(state, task_types, np.repeat(np.arange(1, state.weeks + 1), n_prompts), rng)
    k, humans = state.raters_per_item, state.of_kind("human")
    assigned = assign_raters(n_items=len(items), n_raters=len(humans), k=min(k + N_SPARE, len(humans)), rng=rng)
    state = replace(state, items=items, assigned=assigned)
    codes = np.repeat(np.arange(len(items)), k)
    day = working_days(state, items=codes, rng=rng)
    return add_rows(state, name="planned", item=codes, rater=assigned[:, :k].ravel(), day=day)


def _items(state: State, task_types: np.ndarray, week: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    n, s = len(task_types), len(SYSTEMS)
    topics = topic_codes(task_types, rng=rng)
    prompt_part = np.array(TASK_OFFSETS).T[task_types] + PROMPT_SD * rng.standard_normal((n, len(CRITERIA)))
    shared, own = rng.standard_normal((n, s, 1)), rng.standard_normal((n, s, len(CRITERIA)))
    quality = (prompt_part[:, None] + ITEM_SD * np.sqrt(0.5) * (shared + own)).reshape(n * s, -1)
    # Later versions write longer answers, whatever these are worth.
    n_points = np.clip(np.rint(2.5 + 0.45 * np.arange(s) + rng.normal(0, 1.0, (n, s))), 1, 7).astype(int)
    poor = own[:, :, CRITERIA.index("accuracy")] + shared[:, :, 0] < -0.9
    texts = compose(topics, n_points=n_points, is_poor=poor, rng=rng) if state.texts else None
    answers = [len(text.split("\n\n")[1].split()) for text in texts] if texts else 15 * n_points.ravel() + 8
    prompt = np.repeat(np.arange(n), s)
    frame = pd.DataFrame({"prompt": prompt, "system": np.tile(np.arange(s), n), "task_type": task_types[prompt],
                          "topic": topics[prompt], "week": week[prompt], "n_words": answers})
    frame = frame.assign(**{f"q{c}": quality[:, c] for c in range(len(CRITERIA))})
    return frame.assign(text=texts) if texts else frame


def working_days(state: State, *, items: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A day within each item's week (days since the first Monday), fewer at the weekend."""
    within = rng.choice(7, size=len(items), p=[0.19, 0.19, 0.19, 0.18, 0.17, 0.04, 0.04])
    return (state.items["week"].to_numpy()[items] - 1) * 7 + within


def add_rows(state: State, *, name: str, item: np.ndarray, rater: np.ndarray, day: np.ndarray,
             criteria: Sequence[int] = (0, 1, 2), selection: str = "planned") -> State:
    """Sittings added to the programme: each rater judges the item on every criterion in turn, on that day.

    What would fall after the last week is left out. `name` seeds the times.
    """
    rng, n, k = state.rng(f"rows {name}"), len(item), len(criteria)
    words = state.items["n_words"].to_numpy()[item]
    seconds = np.round(np.exp(rng.normal(np.log(12 + 0.25 * words)[:, None], 0.4, (n, k))))
    start = np.asarray(day) * 86_400 + rng.integers(8 * 3600, 20 * 3600, n)
    at = (start[:, None] + np.cumsum(seconds, axis=1)).astype(np.int64)
    quality = state.items[[f"q{c}" for c in criteria]].to_numpy()[item]
    rows = pd.DataFrame({
        "item": np.repeat(item, k), "rater": np.repeat(rater, k), "criterion": np.tile(np.array(criteria), n),
        "at": at.ravel(), "week": at.ravel() // WEEK + 1, "seconds": seconds.ravel(), "version": 1,
        "selection": SELECTIONS.index(selection), "status": STATUSES.index("rated"), "has_value": True,
        "replaces": -1, "latent": quality.ravel(), "spread": 1.0})
    rows = rows[rows["week"] <= state.weeks]
    return replace(state, rows=pd.concat([state.rows, rows], ignore_index=True) if len(state.rows) else rows)


def levels_of(rows: pd.DataFrame) -> np.ndarray:
    """The level (0, 1, ...) each row's `latent` falls into."""
    latent, criterion = rows["latent"].to_numpy(), rows["criterion"].to_numpy()
    level = np.zeros(len(rows), dtype=np.int64)
    for code, cuts in enumerate(CUTS):
        chosen = criterion == code
        level[chosen] = np.searchsorted(cuts, latent[chosen])
    return level
