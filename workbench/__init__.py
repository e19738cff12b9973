"""A workbench that measures the quality of the human judgement AI models are post-trained on.

    import workbench as wb
    ratings = wb.read("data/sample")
    wb.agreement.krippendorff_alpha(ratings, by=["criterion"])
"""

from __future__ import annotations

from importlib import import_module

_STAGES = ("agreement", "chart", "check", "disagreement", "drift", "reduce", "report", "review", "rubric", "signal", "store")
_NAMES = {
    "read": "workbench.store.read", "from_matrix": "workbench.store.read",
    "Ratings": "workbench.ratings", "show": "workbench.display",
    "estimates_table": "workbench.estimates", "findings_table": "workbench.estimates", "finding": "workbench.estimates",
    "WorkbenchError": "workbench.errors", "RatingsError": "workbench.errors", "RubricError": "workbench.errors",
    "ParameterError": "workbench.errors", "ReportError": "workbench.errors",
}
__all__ = [*_STAGES, *_NAMES]


def __getattr__(name: str) -> object:
    if name in _STAGES:
        return import_module(f"workbench.{name}")
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
