"""The errors a reader can meet. Each says what was expected, what was found, where, and what to do."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Sequence
from numbers import Integral, Real


SECRET = re.compile(r"""(?ix) (\b\w[\w+.-]{0,20}://) [^\s/@'"]+ @
    | (\b[\w-]{0,40}(?:password|passwd|pwd|secret|token|api_?key|account_?key) (?:\s*=\s*|\s*["']?\s*:\s*(?=["']))|[?&](?:sig|sas|key)=)
      (?!\s*(?:os\.|None|\$)) ['"]? [^\s'"&;,)]{4,}""")


def redacted(text: str) -> str:
    """The text without user names and passwords of addresses, and without values that are called password, token, secret or key."""
    return SECRET.sub(lambda hit: f"{hit[1]}…@" if hit[1] else f"{hit[2]}…", text)


class WorkbenchError(Exception):
    """Anything wrong with what was given to the workbench; never a fault of its own. Its text holds no password."""

    def __init__(self, *told: object) -> None:
        super().__init__(*(redacted(one) if isinstance(one, str) else one for one in told))


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
    if not isinstance(value, Hashable) or value not in options:
        raise ParameterError(f"{name}={shorten(repr(value))} is not known. Use one of: {', '.join(repr(o) for o in options)}.")


def columns_of(by: object, *, name: str = "by") -> tuple[str, ...]:
    """The columns that an argument lists. Errors: `ParameterError` where it is no list of names, such as one name by itself."""
    if isinstance(by, str) or not isinstance(by, Collection) or not all(isinstance(column, str) for column in by):
        raise ParameterError(f"{name}={by!r} is not a list of columns. Write {name}=[{by if isinstance(by, str) else 'task_type'!r}].")
    return tuple(by)


def share_of(name: str, value: object) -> None:
    """Raise `ParameterError` unless `value` lies between 0 and 1."""
    if not (isinstance(value, Real) and 0 < value < 1):
        raise ParameterError(f"{name}={value!r} is not a share between 0 and 1. Use 0.95 for 95 %.")


def whole_number(name: str, value: object, least: int, otherwise: str) -> None:
    """Raise `ParameterError`, saying what it is `otherwise`, unless `value` is a whole number of at least `least`."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ParameterError(f"{name}={value!r} {otherwise}")


def whole_items(cluster: str, n_split: int) -> None:
    """Raise `ParameterError` if a cluster cuts items up: drawn by cluster, an item's ratings would be parted."""
    if n_split:
        noun = "item" if n_split == 1 else "items"
        raise ParameterError(f"cluster={cluster!r} has several levels within {n_split:,} {noun}; a cluster holds whole items. "
                             "Name a column that is the same for all ratings of an item, such as 'prompt_id'.")


def examples(values: Sequence[object], total: int | None = None, *, width: int = 60) -> str:
    """Up to three values as text, each of at most `width` characters, with how many more there are."""
    shown = ", ".join(shorten(v, width) for v in values[:3])
    more = (len(values) if total is None else total) - min(3, len(values))
    return f"{shown}, and {more:,} more" if more > 0 else shown


def shorten(value: object, width: int = 60) -> str:
    """A value as one printable line of at most `width` characters."""
    text = "".join(c if c.isprintable() else " " for c in str(value)[: width + 1])
    return text if len(text) <= width else text[: width - 1] + "…"
