"""Synthetic data with planted truth: a rating programme of some weeks, or a plain panel for tests of statistics."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.errors import ParameterError
from workbench.schema import SELECTIONS, STATUSES
from workbench.store.effects import EFFECTS
from workbench.store.panel import CRITERIA, SYSTEMS, State, levels_of, panel, people, systems
from workbench.store.stream import Panel
from workbench.store.tasks import TASK_TYPES

Effect = Callable[[State], State]
SAFETY_LABELS = ("unsafe", "borderline", "safe")
_RUBRICS = Path(__file__).parent / "sample"


@dataclass(frozen=True)
class Simulation:
    """A drawn programme: the rating table, its side tables, the rubric files' texts, and what was planted in it.

    `truth` has a record an effect: effect, what, where, size (in latent units or as named), weeks, ids, find.
    `parameters` are the arguments of `simulate` that drew it.
    """

    ratings: pd.DataFrame
    items: pd.DataFrame
    raters: pd.DataFrame
    systems: pd.DataFrame
    rubrics: dict[str, str]
    truth: list[dict[str, object]]
    parameters: dict[str, object]


def simulate(*, seed: int = 0, weeks: int = 26, items_per_week: int = 168, raters_per_item: int = 3, n_raters: int = 30,
             last_week: str = "2026-W46", texts: bool = True, effects: Sequence[Effect] | None = None) -> Simulation:
    """A rating programme with planted truth: three criteria, six system versions on common prompts, several parties.

    seed: decides everything; the same seed gives the same bytes.
    weeks, last_week: how long the programme runs, and its last ISO week ("2026-W46").
    items_per_week: answers judged a week; rounded down to whole prompts, each answered by all six systems.
    raters_per_item, n_raters: humans an item, and humans in all; experts, autorater and gold come on top.
    texts: False leaves out the items' texts, which cost most of the time.
    effects: functions `State -> State` in order, one of them `panel`; None plants all of `effects.EFFECTS`.

    About `3.7 * weeks * items_per_week * raters_per_item` ratings. Raises `ParameterError` for sizes below 1 or
    more raters an item than there are raters.

    >>> drawn = simulate(seed=1, weeks=2, items_per_week=12, texts=False)
    >>> sorted(drawn.ratings["criterion"].unique())
    ['accuracy', 'helpfulness', 'safety']
    """
    parameters = {"seed": seed, "weeks": weeks, "items_per_week": items_per_week, "raters_per_item": raters_per_item,
                  "n_raters": n_raters, "last_week": last_week}
    _check_sizes(parameters)
    state = State(seed=seed, weeks=weeks, items_per_week=items_per_week, raters_per_item=raters_per_item,
                  last_week=last_week, texts=texts, raters=people(n_raters))
    for effect in _checked(EFFECTS if effects is None else effects):
        state = effect(state)
    return Simulation(ratings=_ratings(state), items=_items(state), raters=state.raters, systems=systems(),
                      rubrics=_rubrics(state), truth=list(state.truth), parameters=parameters)


def simulate_panel(*, n_items: int, n_raters: int, raters_per_item: int, levels: int = 5, agreement: float = 0.6,
                   severity_sd: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Ratings of one criterion whose true agreement is known: item_id, rater_id, score (1 to `levels`).

    A rater sees an item's true level with probability sqrt(agreement) and draws a level at random otherwise; true
    levels are uniform. Two ratings then differ beyond chance in the share 1 - agreement under any weights, so that
    every chance-corrected coefficient (alpha, kappa, AC, Brennan-Prediger) estimates `agreement` itself.
    `severity_sd` shifts each rater's levels by a normal draw, rounded and clipped, and lowers agreement from there.
    `write_panel` streams the same ratings to a file, however many. Errors: `ParameterError` for what cannot be drawn.
    """
    drawn = Panel(n_items, n_raters, raters_per_item, levels, agreement, severity_sd, seed)
    item, rater, score = (np.concatenate(parts) for parts in zip(*drawn.blocks()))
    return pd.DataFrame({"item_id": _strings("i", n_items, drawn.item_digits).take(np.repeat(item, raters_per_item)),
                         "rater_id": _strings("r", n_raters, 3).take(rater.ravel()), "score": score.ravel().astype(float)})


def write_dataset(simulation: Simulation, folder: str | Path) -> Path:
    """Write a dataset folder: ratings, items, raters and systems as Parquet, `rubrics/`, `dataset.toml`, `TRUTH.md`."""
    folder = Path(folder)
    (folder / "rubrics").mkdir(parents=True, exist_ok=True)
    for name in ("ratings", "items", "raters", "systems"):
        # pandas' own metadata would name its version, and the bytes change with it
        table = pa.Table.from_pandas(getattr(simulation, name), preserve_index=False).replace_schema_metadata(None)
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd", compression_level=19)
    for name, text in simulation.rubrics.items():
        (folder / "rubrics" / f"{name}.toml").write_text(text, encoding="utf-8")
    (folder / "dataset.toml").write_text('name = "sample"\n', encoding="utf-8")
    (folder / "TRUTH.md").write_text(truth_page(simulation), encoding="utf-8")
    return folder


def truth_page(simulation: Simulation) -> str:
    """What was planted, as Markdown: one section an effect."""
    counts = simulation.ratings["criterion"].value_counts().sort_index()
    seed, last = simulation.parameters["seed"], simulation.parameters["last_week"]
    lines = ["# What was planted in this dataset", "",
             f"Synthetic: drawn by `workbench simulate DIR --seed {seed}`, which writes the same bytes again.",
             f"{len(simulation.ratings):,} ratings ({', '.join(f'{c} {n:,}' for c, n in counts.items())}) of "
             f"{len(simulation.items):,} items by {len(simulation.raters)} raters in {simulation.parameters['weeks']} weeks "
             f"up to {last}.", "",
             "Sizes called *latent* are in units of about one standard deviation between answers. The cuts between the levels of",
             "helpfulness and accuracy lie 0.8 apart, so 1 is 1.25 levels; those of safety 0.9."]
    for record in simulation.truth:
        lines += ["", f"## {record['effect']}", "", record["what"], "",
                  f"- where: {_listed(record['where'])}", f"- weeks: {' to '.join(record['weeks'])}",
                  f"- size: {_listed(record['size'])}"]
        lines += [f"- ids: {', '.join(record['ids'])}"] * bool(record["ids"]) + [f"- find it: {record['find']}"]
    return "\n".join(lines) + "\n"


def _check_sizes(parameters: dict[str, object]) -> None:
    sizes = {name: value for name, value in parameters.items() if name not in ("seed", "last_week")}
    small = [f"{name}={value}" for name, value in sizes.items() if value < 1]
    if small:
        raise ParameterError(f"simulate needs whole numbers of at least 1, not {', '.join(small)}.")
    if sizes["items_per_week"] < len(SYSTEMS):
        raise ParameterError(f"items_per_week={sizes['items_per_week']} is less than one prompt. Use at least {len(SYSTEMS)}.")
    if sizes["n_raters"] < max(7, sizes["raters_per_item"]):
        raise ParameterError(f"n_raters={sizes['n_raters']} is too few for raters_per_item={sizes['raters_per_item']}. "
                             f"Use at least {max(7, sizes['raters_per_item'])}.")
    try:
        datetime.strptime(f"{parameters['last_week']}-1", "%G-W%V-%u")
    except ValueError:
        raise ParameterError(f"last_week={parameters['last_week']!r} is not an ISO week such as '2026-W46'.") from None


def _checked(effects: Sequence[Effect]) -> Sequence[Effect]:
    if panel not in [getattr(effect, "func", effect) for effect in effects]:
        raise ParameterError("effects has no `panel`, which draws the items and ratings the others work on. Put it first, "
                             "after `mix_shift` where that is wanted.")
    return effects


def _ratings(state: State) -> pd.DataFrame:
    """The rows as a table of the data contract, in order of time."""
    order = np.argsort(state.rows["at"].to_numpy(), kind="stable")
    rows, place = state.rows.iloc[order], np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    item, rater, level = rows["item"].to_numpy(), rows["rater"].to_numpy(), levels_of(rows)
    of_safety, has_value = rows["criterion"].to_numpy() == CRITERIA.index("safety"), rows["has_value"].to_numpy()
    replaced, ids = rows["replaces"].to_numpy(), _strings("r", len(rows), 7)
    start = np.datetime64(state.monday(1), "us")
    party = state.raters["party"].to_numpy()[rater]
    weeks = pd.array([state.label(week) for week in range(1, state.weeks + 1)], dtype="str").take(rows["week"].to_numpy() - 1)
    return pd.DataFrame({
        "rating_id": ids, "item_id": _item_ids(state).take(item),
        "prompt_id": _strings("p", int(state.items["prompt"].max()) + 1, 4, first=1).take(state.items["prompt"].to_numpy()[item]),
        "task_type": _words(TASK_TYPES, state.items["task_type"].to_numpy()[item]),
        "system": _words(SYSTEMS, state.items["system"].to_numpy()[item]),
        "rater_id": _words(state.raters["rater_id"], rater), "rater_kind": _words(state.raters["rater_kind"], rater),
        "party": _words(state.raters["party"], rater), "criterion": _words(CRITERIA, rows["criterion"]),
        "rubric": _words(["assistant"], np.zeros(len(rows), int)), "rubric_version": _words(["1", "2"], rows["version"] - 1),
        "score": np.where(has_value & ~of_safety, level + 1.0, np.nan),
        "label": _words(SAFETY_LABELS, np.where(has_value & of_safety, level, -1)),
        "status": _words(STATUSES, rows["status"]), "selection": _words(SELECTIONS, rows["selection"]),
        "rated_at": pd.Series(start + rows["at"].to_numpy() * np.timedelta64(1_000_000, "us")).dt.tz_localize("UTC"),
        "seconds": np.where(pd.isna(party), np.nan, rows["seconds"]),
        "session": _words(state.raters["rater_id"], rater) + "/" + weeks,
        "batch": weeks + "/" + _words(state.raters["party"].fillna("gold"), rater),
        "replaces": ids.take(np.where(replaced < 0, -1, place[replaced]), allow_fill=True)})


def _items(state: State) -> pd.DataFrame:
    prompt = state.items["prompt"].to_numpy()
    table = pd.DataFrame({"item_id": _item_ids(state), "prompt_id": _strings("p", int(prompt.max()) + 1, 4, first=1).take(prompt),
                          "n_words": state.items["n_words"].to_numpy().astype(np.int64)})
    return table.assign(text=state.items["text"].to_numpy()) if state.texts else table


def _rubrics(state: State) -> dict[str, str]:
    """The rubric files, dated to this programme; the second only where the programme has it."""
    texts = {}
    for version in range(1, int(state.rows["version"].max()) + 1):
        text = (_RUBRICS / f"assistant-{version}.toml").read_text(encoding="utf-8")
        week = int(state.rows.loc[state.rows["version"] == version, "week"].min())
        texts[f"assistant-{version}"] = re.sub(r"(?m)^in_force = .*$", f"in_force = {state.monday(week)}", text)
    return texts


def _item_ids(state: State) -> pd.api.extensions.ExtensionArray:
    prompts = _strings("p", int(state.items["prompt"].max()) + 1, 4, first=1).take(state.items["prompt"].to_numpy())
    return prompts + _words([f"-s{k + 1}" for k in range(len(SYSTEMS))], state.items["system"].to_numpy())


def _strings(prefix: str, n: int, digits: int, *, first: int = 0) -> pd.api.extensions.ExtensionArray:
    """`prefix` and a number for each of n."""
    return pd.array([f"{prefix}{k:0{digits}d}" for k in range(first, n + first)], dtype="str")


def _words(words: Sequence[str], codes: np.ndarray) -> pd.api.extensions.ExtensionArray:
    """The word for each code; -1 is missing."""
    return pd.array(list(words), dtype="str").take(np.asarray(codes), allow_fill=True)


def _listed(values: dict[str, object]) -> str:
    return ", ".join(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items())
