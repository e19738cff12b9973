"""The errors a reader can meet. Each says what was expected, what was found, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class WorkbenchError(Exception):
    """Anything wrong with what was given to the workbench; never a fault of its own."""


class RatingsError(WorkbenchError):
    """A ratings table cannot be read, or breaks the data contract."""


class RubricError(WorkbenchError):
    """A rubric file cannot be read, or contradicts itself or the ratings."""


class ParameterError(WorkbenchError):
    """An argument, a notebook parameter, a pack or a period is unknown or of the wrong kind."""


class ReportError(WorkbenchError):
    """A report could not be made, found or trusted."""


def one_of(name: str, value: object, allowed: Iterable[object]) -> None:
    """Raise `ParameterError` unless `value` is in `allowed`; the message lists the good ones."""
    options = list(allowed)
    if value not in options:
        raise ParameterError(f"{name}={value!r} is not known. Use one of: {', '.join(repr(o) for o in options)}.")


def examples(values: Sequence[object], total: int | None = None) -> str:
    """Up to three values as text, with how many more there are."""
    shown = ", ".join(shorten(v) for v in values[:3])
    more = (len(values) if total is None else total) - min(3, len(values))
    return f"{shown}, and {more:,} more" if more > 0 else shown


def shorten(value: object, width: int = 60) -> str:
    """A value as one printable line of at most `width` characters."""
    text = "".join(c if c.isprintable() else " " for c in str(value)[: width + 1])
    return text if len(text) <= width else text[: width - 1] + "…"
