"""Keyed hashes in place of ids of raters, with the key in an environment variable: the same person has the same one everywhere."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from workbench.errors import ParameterError


def key_of(variable: str) -> str:
    """A digest of the key that an environment variable holds. Errors: `ParameterError` where it is not set."""
    key = os.environ.get(variable)
    if not key:
        raise ParameterError(f"pseudonyms={variable!r}: there is no such environment variable, or it is empty. Set it to the secret key.")
    return hashlib.sha256(key.encode()).hexdigest()


def pseudonym(value: object, variable: str) -> str:
    """16 hexadecimal digits for an id."""
    return hashlib.sha256(f"{key_of(variable)}{value}".encode()).hexdigest()[:16]


def pseudonymous(table: Any, variable: str | None) -> Any:
    """The table with rater ids and sessions as the engine makes the same hashes."""
    if variable is None:
        return table
    key = key_of(variable)
    return table.mutate(**{c: (key + table[c].cast("string")).hexdigest("sha256").substr(0, 16) for c in ("rater_id", "session")})
