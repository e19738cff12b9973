"""What a check says: passed or not, in a sentence, with the rows or counts behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class CheckOutcome:
    """One check of one snapshot. `table` is its evidence: counts, or examples of what is wrong.

    n_rows: the ratings looked at. n_failed: how many of them are at fault. required: statistics on these ratings
    would be wrong or refused unless it passes; another that does not pass asks for attention.
    """

    name: str
    passed: bool
    table: pd.DataFrame
    text: str
    n_rows: int = 0
    n_failed: int = 0
    required: bool = False

    @property
    def outcome(self) -> str:
        """ "ok", "attention" or "failed"."""
        return "ok" if self.passed else "failed" if self.required else "attention"


def sentence(text: str) -> str:
    """The text with a capital at its start, its other letters as they are, and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."


def outcomes_table(outcomes: Iterable[CheckOutcome]) -> pd.DataFrame:
    """Outcomes as a tidy frame: check, outcome ("ok", "attention", "failed"), n_rows, n_failed, text."""
    rows = [(o.name, o.outcome, o.n_rows, o.n_failed, o.text) for o in outcomes]
    return pd.DataFrame(rows, columns=["check", "outcome", "n_rows", "n_failed", "text"])
