"""Effects that add ratings to a synthetic programme: experts, an autorater, gold, repeats, routing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from workbench.schema import SELECTIONS
from workbench.store.panel import CRITERIA, State, add_rows, levels_of, working_days

HELPFULNESS = CRITERIA.index("helpfulness")


def expert_ratings(state: State, *, share: float = 0.12, audits_share: float = 0.015) -> State:
    """Experts rate a random share of items beside the panel, and audit a further random share."""
    rng, experts = state.rng("experts"), state.of_kind("expert")
    for name, part in (("planned", share), ("audit", audits_share)):
        item = np.flatnonzero(rng.random(len(state.items)) < part)
        state = add_rows(state, name=f"expert {name}", item=item, rater=rng.choice(experts, len(item)), selection=name,
                         day=working_days(state, items=item, rng=rng))
    return state.told("expert_ratings", "Four experts with little noise rate random items beside the panel; a few are audits.",
                      where={"rater_kind": "expert"}, size={"share": share, "audits_share": audits_share},
                      find="agreement: humans against experts; signal: proxy against experts")


def autorater(state: State, *, bias: float = 0.35) -> State:
    """A model rates the helpfulness of every item and likes long answers."""
    rng, item = state.rng("autorater"), np.arange(len(state.items))
    code = state.of_kind("model")[0]
    state = add_rows(state, name="autorater", item=item, rater=np.full(len(item), code), criteria=(HELPFULNESS,),
                     day=working_days(state, items=item, rng=rng))
    logs = np.log(state.items["n_words"].to_numpy())
    liking = bias * (logs - logs.mean()) / logs.std()
    return state.shifted(state.rows["rater"].to_numpy() == code, by=liking[state.rows["item"]]).told(
        "autorater", "The autorater scores helpfulness higher the longer the answer; later systems write longer answers.",
        where={"rater_kind": "model", "criterion": "helpfulness"}, ids=[state.raters["rater_id"][code]],
        size={"latent per SD of log n_words": bias, "SD of log n_words": round(float(logs.std()), 4)},
        find="agreement: autorater against humans by n_words; signal: its gain over systems exceeds the experts'")


def gold(state: State, *, share: float = 0.035) -> State:
    """A known right answer for some items, by the key `gold`; the panel rates them without knowing."""
    rng = state.rng("gold")
    item = np.flatnonzero(rng.random(len(state.items)) < share)
    state = add_rows(state, name="gold", item=item, rater=np.full(len(item), state.of_kind("gold")[0]),
                     day=(state.items["week"].to_numpy()[item] - 1) * 7)
    return state.told("gold", "Items with a known right answer on every criterion: the level without severity or noise.",
                      where={"rater_kind": "gold"}, size={"n_items": len(item)}, find="drift: gold accuracy by rater and week")


def repeats(state: State, *, share: float = 0.025) -> State:
    """Some raters judge the same item again, 3 to 10 days later."""
    rng, rows = state.rng("repeats"), state.rows
    human = np.isin(rows["rater"], state.of_kind("human")) & (rows["criterion"] == HELPFULNESS)
    again = rows[human & (rng.random(len(rows)) < share)]
    day = again["at"].to_numpy() // 86_400 + rng.integers(3, 11, len(again))
    return add_rows(state, name="repeats", item=again["item"].to_numpy(), rater=again["rater"].to_numpy(), day=day).told(
        "repeats", "The same rater rates the same item again, 3 to 10 days later; half of the noise variance stays.",
        where={"rater_kind": "human"}, size={"share": share, "stays": 0.5}, find="agreement: intra-rater reliability")


def spare_ratings(state: State) -> State:
    """What the spare raters would say of each item in the week after; `routed` keeps those of contested items."""
    rng, spare = state.rng("spare"), state.assigned[:, state.raters_per_item:]
    item = np.repeat(np.arange(len(state.items)), spare.shape[1])
    day = state.items["week"].to_numpy()[item] * 7 + rng.integers(0, 3, len(item))
    return add_rows(state, name="spare", item=item, rater=spare.ravel(), day=day, criteria=(HELPFULNESS,), selection="routed")


def routed(state: State, *, share: float = 0.03) -> State:
    """Of each week's items the most contested on helpfulness get the further ratings of the spare raters."""
    rows, level = state.rows, pd.Series(levels_of(state.rows))
    is_spare = (rows["selection"] == SELECTIONS.index("routed")).to_numpy()
    first = (rows["criterion"] == HELPFULNESS) & np.isin(rows["rater"], state.of_kind("human")) & ~is_spare
    spread = level[first].groupby(rows["item"][first]).std().reindex(range(len(state.items))).fillna(0.0)
    spread += 1e-6 * state.rng("routed").random(len(spread))
    rank = spread.groupby(state.items["week"].to_numpy()).rank(ascending=False)
    contested = (rank <= np.ceil(share * state.items_per_week)).to_numpy()
    kept = replace(state, rows=rows[~is_spare | contested[rows["item"]]].reset_index(drop=True))
    n = int((kept.rows["selection"] == SELECTIONS.index("routed")).sum())
    return kept.told("routed", "The most contested items of a week get further ratings the week after, selection=routed: "
                     "they are no random sample.", where={"selection": "routed", "criterion": "helpfulness"},
                     size={"share of items": share, "n_ratings": n},
                     find="any page: pooling them lowers agreement; the panel leaves them out")
