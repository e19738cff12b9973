"""Text that others wrote, made safe to show: escaped, cut, and with characters that hide or turn text made visible; word diffs."""

from __future__ import annotations

import difflib
import html
import re
import unicodedata
from collections.abc import Iterator, Sequence

LIMIT = 20_000      # characters of one text that are shown
WORDS = 1_500       # up to so many words of each text a diff goes by words, beyond it by lines, beyond so many lines there is none
KEPT = "\n\t\u200c\u200d"       # joiners are part of words and of emoji
SPELT = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def safe(text: object, *, limit: int = LIMIT) -> str:
    """Any value as HTML that shows it and does nothing: `limit` characters of it, with a note of how many there are."""
    whole = clean(text)
    cut = visible(whole[:limit])
    return cut if len(whole) <= limit else f"{cut}<span class='wbr-note'> … cut: {limit:,} of {len(whole):,} characters are shown.</span>"


def clean(text: object) -> str:
    """A value as text, its line ends as one character."""
    return ("" if text is None else str(text)).replace("\r\n", "\n").replace("\r", "\n")


def visible(text: str) -> str:
    """Text escaped, its control, direction and other hidden characters spelt out."""
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return html.escape(text)
    return "".join(spelt(c) if c not in KEPT and unicodedata.category(c) in SPELT else html.escape(c) for c in text)


def spelt(character: str) -> str:
    """A hidden character by its number."""
    return f"<span class='wbr-hidden' title='a character that is not seen'>U+{ord(character):04X}</span>"


def beside(first: object, second: object) -> tuple[str, str, str]:
    """Two texts as HTML with the words marked that only one of them has, and a note of what the marks leave out, or ""."""
    texts = [clean(text)[:LIMIT] for text in (first, second)]
    words = [re.findall(r"\s*\S+|\s+", text) for text in texts]
    if max(map(len, words)) > WORDS:
        words = [text.splitlines(keepends=True) for text in texts]
        if max(map(len, words)) > WORDS:
            return safe(first), safe(second), "The texts are too long to be compared."
    matches = difflib.SequenceMatcher(None, *([part.strip() for part in own] for own in words)).get_opcodes()
    made = ["".join(marked(own, ((tag, i, j) if side == "a" else (tag, k, m) for tag, i, j, k, m in matches), side))
            for own, side in zip(words, "ab")]
    long = [len(clean(text)) > LIMIT for text in (first, second)]
    return made[0], made[1], f"Only the first {LIMIT:,} characters of each text are shown and compared." if any(long) else ""


def marked(words: Sequence[str], parts: Iterator[tuple[str, int, int]], side: str) -> Iterator[str]:
    """The words of one text, those the other lacks inside a mark."""
    for tag, start, end in parts:
        text = "".join(words[start:end])
        own = text.lstrip(" \n\t") if tag != "equal" else ""      # the blank before a word is no part of the mark
        before = visible(text.removesuffix(own))
        yield f"{before}<mark class='wbr-only-{side}'>{visible(own)}</mark>" if own else before
