"""How often `signal.coupling` says that a gain does not transfer, or does, where the truth is known.

    OMP_NUM_THREADS=1 python benchmarks/coupling.py [--draws 500] [--part null power edge linked beside]

Some ten minutes of one core. Seeds are fixed below, and were before looking. The generator is written from the question alone and
shares no code with the package: items of several versions of a system on common prompts have a true quality; each party's raters
see it, with a gain a version of the party's own, through noise that makes one of their ratings as reliable as stated.

- null: the gain is the same in true units; reliability .9 with those who profit, .4 with the independent ones, and the other way round.
- power: nothing, or a fifth, of the gain is seen by the independent ones.
- edge: half of it, where either verdict is wrong in as many draws as its interval says.
- linked: both measures rate an item once, as an autorater and a lone expert do, beside a panel whose noise is known.
- beside: the same null judged by what is usual: gains in standard deviations of the observed scores.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

import numpy as np
import pandas as pd

from workbench.signal.measures import against
from workbench.signal.slopes import NOT, TRANSFERS, UNKNOWN, fieller, known

SEED = 20_261_107
TITLES = {"coupled": "maker", "independent": "outside"}


def programme(rng: np.random.Generator, *, prompts: int, versions: int = 6, gain: float = 0.15, share: float = 1.0,
              reliability: tuple[float, float] = (0.9, 0.4), raters: int = 8, each: int = 2,
              kind: str = "plain") -> dict[str, pd.DataFrame]:
    """Ratings by the coupled and by the independent party: `each` ratings an item and party, of `raters` a party.

    share: of the coupled gain that the independent party sees. kind: "plain" scores, "levels" (five), "full" (most at the top of
    five), "tails" (a few prompts far from the rest).
    """
    version, prompt = (a.ravel() for a in np.meshgrid(np.arange(versions), np.arange(prompts)))
    shared = rng.standard_t(4, prompts) / np.sqrt(2) if kind == "tails" else rng.standard_normal(prompts)
    quality = np.sqrt(0.4) * shared[prompt] + np.sqrt(0.6) * rng.standard_normal(len(prompt))
    made = {}
    for party, seen, reliable in zip(TITLES, (gain, gain * share), reliability):
        rated = quality + seen * version
        who = np.argsort(rng.random((len(rated), raters)), axis=1)[:, :each]
        severity = 0.3 * rng.standard_normal(raters)
        score = rated[:, None] + severity[who] + np.sqrt(1 / reliable - 1) * rng.standard_normal(who.shape)
        spread = np.sqrt(1 / reliable)
        if kind in ("levels", "full"):
            shift = gain * versions / 2 if kind == "levels" else -0.8 * spread
            score = 1.0 + np.searchsorted(np.array([-1.2, -0.4, 0.4, 1.2]) * spread + shift, score)
        unit = np.repeat(np.arange(len(rated)), each)
        made[party] = pd.DataFrame({"unit": unit, "rater": who.ravel() + (100 if party == "coupled" else 0), "score": score.ravel(),
                                    "version": version[unit].astype(float), "system": version[unit], "prompt": prompt[unit],
                                    "rubric_version": "1"})
    return made


def judged(found: dict[str, pd.DataFrame]) -> dict[str, object]:
    """What the package says."""
    return against(found, first="coupled", name="independent", titles=TITLES, confidence=0.95)


def usual(found: dict[str, pd.DataFrame]) -> str:
    """Gains in observed standard deviations, their ratio's interval by Fieller over prompts: noise is taken for lost gain."""
    sums = []
    for rows in found.values():
        step = rows["version"] - rows["version"].mean()
        standard = (rows["score"] - rows["score"].mean()) / rows["score"].std()
        parts = pd.DataFrame({"a": step * standard, "b": step**2}).groupby(rows["prompt"]).sum()
        sums.append(parts.to_numpy())
    terms = np.hstack(sums)
    gains = [known(lambda x, k=k: x[..., k] / x[..., k + 1], terms) for k in (2, 0)]
    low, high = fieller(*gains, 0.95)
    return TRANSFERS if low > 0.5 else NOT if high < 0.5 else UNKNOWN


def row(title: str, draws: int, judge, **setting: object) -> None:
    """One line: shares of the three verdicts, and of intervals that hold the true ratio among those that are known."""
    rng, said, held, ratios, needed = np.random.default_rng(SEED), Counter(), [], [], []
    for _ in range(draws):
        answer = judge(programme(rng, **setting))
        said[answer if isinstance(answer, str) else answer["verdict"]] += 1
        if not isinstance(answer, str) and answer["ratio_low"] == answer["ratio_low"]:
            held.append(answer["ratio_low"] <= setting.get("share", 1.0) <= answer["ratio_high"])
            ratios.append(answer["ratio"])
            needed.append(answer["n_needed"])
    middle = (np.median(ratios), np.median(needed)) if held else ()
    cover = f"covered {np.mean(held):.3f} of {len(held)}, median ratio {middle[0]:.2f}, needed {middle[1]:.0f}" if held else ""
    print(f"{title:62s} not {said[NOT] / draws:.3f}  transfers {said[TRANSFERS] / draws:.3f}  {cover}", flush=True)


def null(draws: int, judge=judged, name: str = "null") -> None:
    """The gain is the same."""
    for prompts in (20, 60, 200):
        for reliability in ((0.9, 0.4), (0.4, 0.9)):
            for gain in (0.05, 0.15, 0.3):
                row(f"{name}  prompts {prompts:3d}  reliability {reliability}  gain {gain}", draws, judge, prompts=prompts,
                    reliability=reliability, gain=gain)
    for kind in ("levels", "full", "tails"):
        row(f"{name}  prompts  60  {kind}", draws, judge, prompts=60, kind=kind)
    row(f"{name}  prompts 200  reliability (0.9, 0.15)  gain 0.3", draws, judge, prompts=200, reliability=(0.9, 0.15), gain=0.3)
    row(f"{name}  prompts  60  4 versions, gain 0.3", draws, judge, prompts=60, versions=4, gain=0.3)
    row(f"{name}  prompts  60  one rating an item and party", draws, judge, prompts=60, each=1)


def power(draws: int) -> None:
    """Little of the gain, or nothing, is seen outside."""
    for share in (0.0, 0.2):
        for prompts in (20, 60, 200):
            for gain in (0.15, 0.3):
                row(f"power  share {share}  prompts {prompts:3d}  gain {gain}", draws, judged, prompts=prompts, share=share, gain=gain)


def edge(draws: int) -> None:
    """Half of the gain is seen outside."""
    for prompts in (20, 60, 200):
        for kind in ("plain", "levels"):
            row(f"edge  prompts {prompts:3d}  {kind}", draws, judged, prompts=prompts, share=0.5, gain=0.3, kind=kind)


def linked(draws: int) -> None:
    """One rating an item by either, and a panel on the same items that both can be linked through."""
    def judge(found: dict[str, pd.DataFrame]) -> dict[str, object]:
        first = {name: ~rows["unit"].duplicated() for name, rows in found.items()}
        once = {name: rows[first[name]] for name, rows in found.items()}
        return judged(once | {"panel": found["independent"][~first["independent"]]})

    for share in (1.0, 0.0):
        for reliability in ((0.9, 0.4), (0.4, 0.9)):
            row(f"linked  share {share}  prompts 200  reliability {reliability}  gain 0.3", draws, judge, prompts=200,
                reliability=reliability, gain=0.3, share=share, each=3)


def main() -> None:
    """Print every row."""
    parts = {"null": null, "power": power, "edge": edge, "linked": linked, "beside": lambda draws: null(draws, usual, "usual")}
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--draws", type=int, default=500)
    options.add_argument("--part", nargs="*", default=list(parts), choices=list(parts))
    asked, clock = options.parse_args(), time.perf_counter()
    for part in asked.part:
        parts[part](asked.draws)
    print(f"{time.perf_counter() - clock:.0f} s")


if __name__ == "__main__":
    main()
