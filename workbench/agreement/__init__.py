"""How far raters agree: coefficients by group, pairs of raters, single raters, and what to conclude.

One coefficient a file: a kernel of arrays and a public function that takes ratings.
"""

from __future__ import annotations

from importlib import import_module

_NAMES = {
    "percent_agreement": "percent", "krippendorff_alpha": "krippendorff", "fleiss_kappa": "fleiss", "gwet_ac": "gwet",
    "brennan_prediger": "brennan", "summary": "headline", "pairs": "pairwise", "raters": "leave_one_out",
    "findings": "conclude",
}
__all__ = list(_NAMES)


def __getattr__(name: str) -> object:
    if name in _NAMES:
        return getattr(import_module(f"workbench.agreement.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'workbench.agreement' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
