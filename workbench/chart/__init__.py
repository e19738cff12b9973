"""Charts: one function, one chart. A results table goes in, a styled altair chart comes out."""

from __future__ import annotations

from workbench.lazy import lazily

__getattr__, __all__ = lazily(__name__, {
    "agreement_forest": "coefficients", "agreement_trend": "coefficients", "rater_forest": "raters",
    "pair_heatmap": "raters", "disagreement_bars": "hotspots", "item_strip": "hotspots", "cluster_terms": "hotspots",
    "version_compare": "versions", "level_flow": "versions", "monitor_chart": "change",
    "decomposition_bars": "change", "detectable_curve": "detection", "verifiability_map": "detection",
    "decision_curve": "planning", "overlap_matrix": "overlap", "styled": "style",
    "cell_map": "linked", "cell_weeks": "linked",
})
