"""Charts: one function, one chart. A results table goes in, a styled altair chart comes out."""

from __future__ import annotations

_HOMES = {
    "agreement_forest": "coefficients", "agreement_trend": "coefficients",
    "rater_forest": "raters", "pair_heatmap": "raters",
    "disagreement_bars": "hotspots", "item_strip": "hotspots", "cluster_terms": "hotspots",
    "version_compare": "versions", "level_flow": "versions",
    "monitor_chart": "change", "decomposition_bars": "change",
    "detectable_curve": "detection", "verifiability_map": "detection",
    "styled": "style",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    """Load a chart, and altair with it, when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
