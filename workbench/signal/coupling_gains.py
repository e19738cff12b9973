"""Whether a gain on the measure of those who profit from it is also one on the measure of those who do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from workbench.errors import one_of, share_of
from workbench.estimates import estimates_table
from workbench.reduce import instrument
from workbench.signal.coupling_roles import coupled, party_graph, stated, with_party
from workbench.signal.measures import against, alone, by_group, judged, placed, unknown, usable, wins
from workbench.signal.panels import labels

if TYPE_CHECKING:
    from workbench.ratings import Ratings

GAINS = ("score", "win rate")
MOST = 8                 # independent parties shown by themselves


def coupling(ratings: Ratings, *, by: Sequence[str] = ("criterion",), parties: Mapping[str, object] | None = None,
             versions: Sequence[str] = (), gain: str = "score", confidence: float = 0.95) -> pd.DataFrame:
    """Does the gain that a coupled party's raters see over the versions of a system also show on independent parties' measure?

    Coupled is who supplied training data, else wrote the rubric, else adjudicated (`signal.party_graph`); independent who has none of
    these roles. Per group of `by` a row for each measure: `slope`, the gain a version in standard deviations of the items' true
    scores on that measure, and against the coupled one `ratio` = independent / coupled: 1, the gain transfers whole; 0, not at all;
    negative, the independent measure falls. `verdict`: "does not transfer" where the ratio's interval lies wholly below 0.5,
    "transfers" wholly above, else "cannot tell", with `n_needed` prompts that tell a whole gain from none with probability .8.

    slope = sum t y / sum t^2, t the version's place and y the score, both less what prompts and each rater under each rubric version
    explain; the true variance is the covariance of two raters on an item of one version, so that noise does not shrink the slope.
    Intervals: jackknife over prompts (items without prompts), which carries the error of the variance; of the ratio Fieller's.
    Only versions that both measures rate count.

    parties: as in `party_graph`, what data lack. versions: systems from the first to the last; none for `ordinal` (else `released_at`)
    of `systems.parquet`. gain: "score", or "win rate": y is the share of version 0's ratings by that measure that a rating beats
    (ties half), on prompts that version 0 answered. Verdicts on pairs (`system_b`) are win rates as they are, by steps between the two.

    Columns beside the estimates table's (value = slope): measure, role, slope, raw_slope (points or win rate), reliability (of one
    rating), ratio, ratio_low, ratio_high, verdict, n_needed, n_prompts, n_versions, instrument, group. Undefined ("cannot tell", nan,
    reason in `note`): no systems, no order, below 4 versions, no parties, all one party, an unknown reliability, no coupled gain.
    Errors: `ParameterError` for unknown options, roles or versions.

    Sources: Spearman (1904), doi:10.2307/1412159; Fieller (1954), doi:10.1111/j.2517-6161.1954.tb00159.x.

    >>> import pandas as pd, workbench as wb
    >>> table = coupling(wb.from_matrix(pd.DataFrame({"ann": [1, 2, 3], "bob": [1, 3, 3]})))
    >>> table["verdict"].tolist(), table["note"][1]
    (['', 'cannot tell'], 'no `system`: whose versions are compared is unknown')
    """
    one_of("gain", gain, GAINS)
    share_of("confidence", confidence)
    keys = list(dict.fromkeys((*instrument(ratings), *by)))
    bound, free, reason = coupled(party_graph(ratings, parties=parties))
    places, order = placed(ratings, versions)
    frame = judged(ratings, keys, places)
    frame["party"] = with_party(frame, ratings, stated(parties).get("rating", {}))
    each = free if 1 < len(free) <= MOST and not (order or reason) else []
    measures = {"coupled": bound, "independent": free, **{party: [party] for party in each}}
    titles = {"coupled": ", ".join(bound) or "coupled", "independent": ", ".join(free) or "independent"}
    rows: list[dict[str, object]] = []
    for key, part in by_group(frame, keys, also=["party"]):
        part, n_lost, lost = usable(part)
        found = {name: part[part["party"].isin(names)] for name, names in measures.items()}
        found = {name: wins(own) for name, own in found.items()} if gain == "win rate" else found
        why, n_dropped = order or reason or lost, n_lost + int(part["party"].isna().sum())
        for name, own in found.items():
            title, second = titles.get(name, name), name != "coupled"
            row = unknown(title, why, part if second else own, verdict=second) if why else \
                against(found, first="coupled", name=name, titles=titles, confidence=confidence) if second else \
                alone(own, title=title, exact=False, confidence=confidence)
            rows.append(key | row | labels(key) | {"measure": title, "role": name if name in titles else "independent party",
                                                   "n_dropped": n_dropped})
    return estimates_table(rows, by=[*keys, "measure", "role"])
