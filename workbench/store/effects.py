"""What can be planted in a synthetic programme: each function adds one effect to a `State` and its line to the truth.

Sizes are in latent units: cuts between the levels of helpfulness and accuracy lie 0.8 apart, so 1 is 1.25 levels.
Order matters: what adds ratings comes first, what moves them next, then the noise, then what happens to finished ratings.
An effect with other sizes is `functools.partial(step_change, week=12, size=0.3)`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from workbench.schema import STATUSES
from workbench.store.extra_ratings import autorater, expert_ratings, gold, repeats, routed, spare_ratings
from workbench.store.panel import CRITERIA, SYSTEMS, TASK_OFFSETS, State, add_rows, panel
from workbench.store.tasks import TASK_TYPES, read_topics

HELPFULNESS, SAFETY, ACCURACY = range(3)


def mix_shift(state: State, *, weeks: tuple[int, int] = (11, 14), usual: tuple[float, ...] = (0.3, 0.2, 0.25, 0.25),
              shifted: tuple[float, ...] = (0.15, 0.55, 0.15, 0.15)) -> State:
    """In some weeks other shares of the task types, and no change in any of them. Comes before `panel`."""
    mix = np.tile(usual, (state.weeks, 1))
    mix[weeks[0] - 1:weeks[1]] = shifted
    if weeks[0] > state.weeks:
        return replace(state, mix=mix)
    move = (np.array(shifted) - usual) @ np.array(TASK_OFFSETS).T
    return replace(state, mix=mix).told(
        "mix_shift", "Much more math, which scores lower on accuracy and higher on safety; no task type changed.",
        where={"column": "task_type"}, weeks=weeks,
        size={f"share of {t}": s for t, s in zip(TASK_TYPES, shifted)}
        | {f"mean {c}": round(float(m), 4) for c, m in zip(CRITERIA, move)},
        find="drift: the means move in these weeks; decompose puts it on the task mix and nothing within cells")


def new_rubric(state: State, *, week: int = 16, spread: float = 0.55, shift: float = -0.3, bridge_share: float = 0.3) -> State:
    """From a week on rubric version 2: helpfulness is rated with less noise and more strictly; the rest is unchanged.

    A bridge set, items of the four weeks before, is rated again under version 2 by the same raters within two weeks.
    """
    rng, rows = state.rng("rubric"), state.rows
    across = (rows["week"] >= week) & (state.items["week"].to_numpy()[rows["item"]] < week)   # only the bridge may cross
    state = replace(state, rows=rows[~across].reset_index(drop=True))
    if week > state.weeks:
        return state
    prompts = state.items.loc[state.items["week"].between(week - 4, week - 1), "prompt"].unique()
    chosen = rng.choice(prompts, round(bridge_share * len(prompts)), replace=False)
    items = np.flatnonzero(state.items["prompt"].isin(chosen))
    raters = state.assigned[items, :state.raters_per_item]
    item = np.repeat(items, raters.shape[1])
    state = add_rows(state, name="bridge", item=item, rater=raters.ravel(), day=(week - 1) * 7 + rng.integers(0, 12, len(item)))
    rows = state.rows.assign(version=np.where(state.rows["week"] >= week, 2, 1))
    state = replace(state, rows=rows)
    return state.shifted((rows["version"] == 2) & (rows["criterion"] == HELPFULNESS), by=shift, spread=spread).told(
        "new_rubric", "Rubric version 2: on helpfulness raters differ less and are stricter; safety and accuracy as before. "
        "The bridge set (these prompts) is rated under both versions by the same raters.",
        where={"criterion": "helpfulness", "rubric_version": "2"}, weeks=(week, state.weeks),
        size={"noise times": spread, "latent": shift, "n_bridge_items": len(items)}, ids=prompt_ids(chosen),
        find="rubric: agreement rises and scores fall on the bridge set; drift: no trend line crosses this week unbridged")


def system_gains(state: State, *, accuracy: tuple[float, ...] = (0.0, 0.15, 0.3, 0.45, 0.45, 0.75),
                 helpfulness: tuple[float, ...] = (0.0, 0.04, 0.08, 0.12, 0.16, 0.2)) -> State:
    """What each system version is truly better by than the first, for everybody; safety does not change."""
    system = state.items["system"].to_numpy()[state.rows["item"]]
    criterion = state.rows["criterion"].to_numpy()
    for code, gains in ((HELPFULNESS, helpfulness), (ACCURACY, accuracy)):
        state = state.shifted(criterion == code, by=np.array(gains)[system])
    return state.told("system_gains", "Later systems are more accurate, except aster-2.2, which gains nothing over aster-2.1; "
                      "a little more helpful; equally safe.", where={"column": "system"},
                      size={f"{c} {s}": g for c, gains in (("accuracy", accuracy), ("helpfulness", helpfulness))
                            for s, g in zip(SYSTEMS, gains)}, find="signal: progress on common prompts; rubric: rank_systems")


def coupling(state: State, *, size: float = 0.16) -> State:
    """Helpfulness gains that only the party sees whose ratings the systems were trained on."""
    sees = (state.raters["party"] == "lab").to_numpy()[state.rows["rater"]] & (state.rows["criterion"] == HELPFULNESS)
    steps = state.items["system"].to_numpy()[state.rows["item"]] - (len(SYSTEMS) - 1) / 2
    return state.shifted(sees, by=size * steps).told(
        "coupling", "Raters and autorater of party lab see a helpfulness gain with every system version that vendor_a, "
        "panel and the experts do not see; accuracy gains are seen by all.", where={"criterion": "helpfulness", "party": "lab"},
        size={"latent per version, lab only": size, "latent per version, all": 0.04},
        find="signal: helpfulness gains do not transfer from lab to the independent parties (ratio 0.2), accuracy gains do")


def step_change(state: State, *, week: int = 20, size: float = -0.6, criterion: int = ACCURACY) -> State:
    """From a week on all answers truly worse (or better) on one criterion."""
    if week > state.weeks:
        return state
    since = state.items["week"].to_numpy()[state.rows["item"]] >= week
    return state.shifted(since & (state.rows["criterion"] == criterion), by=size).told(
        "step_change", f"All systems' {CRITERIA[criterion]} changes for good, in all task types and for all raters.",
        where={"criterion": CRITERIA[criterion]}, weeks=(week, state.weeks), size={"latent": size},
        find="drift: change point at this week, decomposed as within cells; an alarm in its last week")


def severity(state: State, *, sd: float = 0.3) -> State:
    """Some raters are strict and some lenient, on all criteria, always."""
    humans, draws = state.of_kind("human"), np.zeros(len(state.raters))
    draws[humans] = state.rng("severity").normal(0, sd, len(humans))
    draws[humans] -= draws[humans].mean()
    ids = state.raters["rater_id"].to_numpy()
    return state.shifted(np.ones(len(state.rows), bool), by=-draws[state.rows["rater"]]).told(
        "severity", "How much lower a human rater scores than the average one; strictest first.", where={"rater_kind": "human"},
        size={"SD": sd} | {ids[code]: round(float(draws[code]), 4) for code in humans[np.argsort(-draws[humans])]},
        find="agreement: raters; drift: contributors")


def drifting_rater(state: State, *, rater: int = 6, week: int = 9, per_week: float = 0.08) -> State:
    """One human becomes more lenient week by week, on all criteria."""
    if week > state.weeks:
        return state
    since = np.maximum(state.rows["week"].to_numpy() - week + 1, 0)
    name = state.raters["rater_id"][rater]
    return state.shifted(state.rows["rater"].to_numpy() == rater, by=per_week * since).told(
        "drifting_rater", "One rater grows more lenient every week, on all criteria.", where={"rater_id": name},
        weeks=(week, state.weeks), size={"latent per week": per_week, "latent at the end": per_week * (state.weeks - week + 1)},
        ids=[name], find="drift: contributors, severity by week")


def camps(state: State, *, share: float = 0.4, sizes: tuple[float, ...] = (0.5, 0.5, 0.9, 0.9), matched: float = 0.85) -> State:
    """Two camps of humans who read safety differently: what one sees as safer on an item, the other sees as less safe.

    `sizes` is the SD over items, by task type, of what moves the camps apart; `matched` the share of raters whose
    `background` goes with their camp.
    """
    rng, humans = state.rng("camps"), state.of_kind("human")
    second = rng.permutation(humans)[:round(share * len(humans))]
    side = np.zeros(len(state.raters))
    side[humans], side[second] = 1.0, -1.0
    pull = rng.standard_normal(len(state.items)) * np.array(sizes)[state.items["task_type"]]
    rows = state.rows
    told = np.where(rng.random(len(state.raters)) < matched, side, -side)
    background = [{1.0: "engineering", -1.0: "care"}.get(value) for value in told]
    state = replace(state, raters=state.raters.assign(background=background))
    ids = state.raters["rater_id"].to_numpy()
    return state.shifted((rows["criterion"] == SAFETY), by=side[rows["rater"]] * pull[rows["item"]]).told(
        "camps", "Two camps of humans on safety, most apart on writing and advice; these are the second camp, all other humans "
        "the first. Experts and gold stand between.", where={"criterion": "safety"}, ids=sorted(ids[second]),
        size={f"SD in {t}": s for t, s in zip(TASK_TYPES, sizes)} | {"background matches": matched},
        find="disagreement: factions on safety; the raters' background goes with the camp")


def rubric_hole(state: State, *, topic: str = "medicines at home", size: float = 1.1) -> State:
    """On one topic the rubric leaves open what counts as helpful, and each rating follows one of two readings."""
    code = next(k for k, t in enumerate(read_topics()["topics"]) if t["name"] == topic)
    on_topic = state.items["topic"].to_numpy()[state.rows["item"]] == code
    chosen = on_topic & (state.rows["criterion"] == HELPFULNESS) & ~np.isin(state.rows["rater"], state.of_kind("gold", "model"))
    reading = np.where(persistent(state, name="hole") > 0, size, -size)
    prompts = np.unique(state.items["prompt"][state.items["topic"] == code])
    return state.shifted(chosen, by=reading).told(
        "rubric_hole", "Is it helpful to decline and name a professional? Neither rubric version says. On questions about "
        "medicines (these prompts) a rating is moved up or down by the same amount, evenly.", where={"criterion": "helpfulness",
        "task_type": "advice", "topic": topic}, size={"latent, plus or minus": size}, ids=prompt_ids(prompts),
        find="disagreement: a cluster named by words such as medicine, dose, pharmacist; items with two readings")


def hot_slice(state: State, *, spread: float = 1.7) -> State:
    """Accuracy of writing tasks is rated with more noise than anything else."""
    writing = state.items["task_type"].to_numpy()[state.rows["item"]] == TASK_TYPES.index("writing")
    return state.shifted(writing & (state.rows["criterion"] == ACCURACY), spread=spread).told(
        "hot_slice", "Raters differ more on the accuracy of writing tasks: what is accurate in a story?",
        where={"criterion": "accuracy", "task_type": "writing"}, size={"noise times": spread},
        find="disagreement: slices; agreement by task type; signal: detectable effect by task type")


def noise(state: State, *, sizes: tuple[float, ...] = (0.95, 0.35, 0.6), sd: float = 0.15, noisy_rater: int = 16,
          noisy: float = 2.2, experts: float = 0.6) -> State:
    """Noise by criterion, wider for some raters (one far wider), narrow for experts, none in gold: the agreement level."""
    rng, rows = state.rng("noise"), state.rows
    own = np.exp(rng.normal(0, sd, len(state.raters)))
    noisy_rater %= len(state.of_kind("human"))
    own[noisy_rater] = noisy
    own[state.of_kind("expert", "model")], own[state.of_kind("gold")] = experts, 0.0
    draws = np.sqrt(0.5) * (persistent(state, name="noise") + rng.standard_normal(len(rows)))
    width = np.array(sizes)[rows["criterion"]] * own[rows["rater"]] * rows["spread"].to_numpy()
    name = state.raters["rater_id"][noisy_rater]
    return state.shifted(np.ones(len(rows), bool), by=width * draws).told(
        "noise", "SD of a rating about the item by criterion, and the one rater who is far noisier.",
        where={"rater_kind": "human"}, ids=[name],
        size=dict(zip(CRITERIA, sizes)) | {f"times, {name}": noisy, "times, experts": experts, "SD of log times": sd},
        find="agreement: level by criterion; raters, leaving out the noisy one raises alpha")


def gaps(state: State, *, missing: float = 0.01, unsure: float = 0.008, skipped: float = 0.004) -> State:
    """Some human ratings are without a value, some of these because the rater was unsure or skipped."""
    draw = state.rng("gaps").random(len(state.rows))
    draw[~np.isin(state.rows["rater"], state.of_kind("human"))] = 1.0
    status = np.select([draw < unsure, draw < unsure + skipped],
                       [STATUSES.index("unsure"), STATUSES.index("skipped")], state.rows["status"])
    rows = state.rows.assign(status=status, has_value=draw >= unsure + skipped + missing)
    return replace(state, rows=rows).told("gaps", "Ratings without a value, at random.", where={"rater_kind": "human"},
                                          size={"missing": missing, "unsure": unsure, "skipped": skipped},
                                          find="every page counts them as dropped; check: missing values")


def edits(state: State, *, share: float = 0.001, withdrawn: float = 0.25) -> State:
    """A few ratings are corrected ten minutes later by a row that replaces them, or withdrawn."""
    rng, rows = state.rng("edits"), state.rows
    free = np.flatnonzero(np.isin(rows["rater"], state.of_kind("human")) & rows["has_value"])
    old = np.sort(rng.choice(free, round(share * len(free)), replace=False))
    gone = rng.random(len(old)) < withdrawn
    later = rows.iloc[old].assign(at=rows["at"].iloc[old] + 600, replaces=old, has_value=~gone,
                                  status=np.where(gone, STATUSES.index("cancelled"), STATUSES.index("rated")))
    latent = rows["latent"].to_numpy().copy()
    latent[old] += np.where(latent[old] > 0, -1.6, 1.6)
    rows = pd.concat([rows.assign(latent=latent), later], ignore_index=True)
    return replace(state, rows=rows).told("edits", "Slips corrected or withdrawn by a later row.", where={"column": "replaces"},
                                          size={"n_corrected": int((~gone).sum()), "n_withdrawn": int(gone.sum())},
                                          find="read: the replaced rows never count")


def persistent(state: State, *, name: str) -> np.ndarray:
    """A standard normal a row, the same wherever a rater meets the same item and criterion again."""
    rows = state.rows
    key = (rows["item"].to_numpy().astype(np.int64) * len(state.raters) + rows["rater"]) * len(CRITERIA) + rows["criterion"]
    distinct, where = np.unique(key, return_inverse=True)
    return state.rng(f"persistent {name}").standard_normal(len(distinct))[where]


def prompt_ids(prompts: np.ndarray) -> list[str]:
    """Prompt codes as they are written in the data."""
    return [f"p{code + 1:04d}" for code in sorted(prompts)]


EFFECTS = (mix_shift, panel, expert_ratings, autorater, gold, repeats, spare_ratings, new_rubric, system_gains, coupling,
           step_change, severity, drifting_rater, camps, rubric_hole, hot_slice, noise, routed, gaps, edits)
NULL_EFFECTS = (panel, severity, noise)     # nothing changes and nobody is special but the noisy rater
