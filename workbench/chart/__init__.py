"""Charts: one function, one chart. A results table goes in, a styled altair chart comes out."""

from __future__ import annotations

from workbench.lazy import lazily

_load, __all__ = lazily(__name__, {
    "agreement_forest": "coefficients", "agreement_trend": "coefficients", "rater_forest": "raters",
    "pair_heatmap": "raters", "disagreement_bars": "hotspots", "item_strip": "hotspots", "cluster_terms": "hotspots",
    "version_compare": "versions", "level_flow": "versions", "monitor_chart": "change",
    "decomposition_bars": "change", "detectable_curve": "detection", "verifiability_map": "detection",
    "decision_curve": "planning", "step_forest": "detection", "overlap_matrix": "overlap",
    "faction_forest": "camps", "rank_intervals": "ranking", "instruments": "ranking", "styled": "style",
    "before_after": "what_if", "linking_lines": "what_if",
    "cell_map": "linked", "cell_weeks": "linked", "kind_bars": "kinds", "rater_funnel": "people",
    "rater_trajectory": "people",
    "estimate_history": "periods",
    "gain_forest": "transfer", "transfer_forest": "transfer", "party_roles": "transfer",
})


def __getattr__(name: str) -> object:
    """A chart, loaded when first asked for."""
    chart = _load(name)
    if name == "styled":      # for the reader's own charts, which are checked
        return chart
    from workbench.chart.style import unchecked

    return unchecked(chart)
