"""Text of others does nothing but be read: escaped, cut, its hidden characters spelt out; diffs mark what differs and lose nothing."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.review.foreign import LIMIT, beside, safe

HOSTILE = ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</div></div><iframe src='javascript:alert(1)'>",
           "<a href=\"javascript:alert(1)\">x</a>", "[x](javascript:alert(1))", "<svg/onload=alert(1)>", "'\"><b onmouseover=alert(1)>",
           "<style>*{display:none}</style>", "<!--", "<![CDATA[<script>", "&lt;script&gt;", "&#x3c;script&#x3e;", "<math><mtext></mtext>",
           "{{7*7}} ${7*7}", "<script\u0000>alert(1)</script>"]


class Tags(HTMLParser):
    """What a browser would see: tags with their attributes, and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple]] = []
        self.said: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", ()))

    def handle_data(self, data: str) -> None:
        self.said.append(data)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_makes_no_tag(text: str) -> None:
    seen = Tags(safe(text))
    assert {tag for tag, _ in seen.found} <= {"span"}
    assert "".join(seen.said).replace("U+0000", "\0") == text
    first, second, _ = beside(text, f"other {text}")
    assert {tag for tag, _ in Tags(first).found + Tags(second).found} <= {"span", "mark"}


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_no_text_makes_a_tag_and_none_is_lost(first: str, second: str) -> None:
    for made, text in zip(beside(first, second), (first, second)):
        seen = Tags(made)
        assert set(seen.found) <= {("span", ("class", "title")), ("mark", ("class",))}
        plain = html.unescape(re.sub(r"<[^>]*>", "", made))
        spelt = "".join(f"U+{ord(c):04X}" if f"U+{ord(c):04X}" in plain and c not in plain else c for c in text)
        assert plain == spelt.replace("\r\n", "\n").replace("\r", "\n")


def test_what_turns_or_hides_text_is_spelt_out() -> None:
    assert safe("admin\u202egpj.exe") == "admin<span class='wbr-hidden' title='a character that is not seen'>U+202E</span>gpj.exe"
    for character in "\0\x1b\u2066\u2069\u200b\u200e\ufeff\u2028\U000e0041\ud800":
        assert f"U+{ord(character):04X}" in safe(f"a{character}b") and character not in safe(f"a{character}b")
    assert safe("א\u200dב\tc\r\nd") == "א\u200dב\tc\nd"


def test_a_long_text_is_cut_and_says_so() -> None:
    shown = safe("<" * 1_000_000)
    assert shown.count("&lt;") == LIMIT and "cut: 20,000 of 1,000,000 characters are shown" in shown
    assert safe("x" * LIMIT) == "x" * LIMIT
    assert len(safe("y" * 30, limit=10).split("<")[0]) == 10


def test_a_word_that_only_one_text_has_is_marked() -> None:
    assert beside("The cat sat.", "The dog sat.") == ("The <mark class='wbr-only-a'>cat</mark> sat.", "The <mark class='wbr-only-b'>dog</mark> sat.", "")
    assert beside("same", "same") == ("same", "same", "")
    assert beside(None, "new") == ("", "<mark class='wbr-only-b'>new</mark>", "")


def test_long_texts_are_compared_by_lines_or_not_at_all() -> None:
    words = "word " * 2_000
    first, second, note = beside(f"{words[:9_000]}\nlast", f"{words[:9_000]}\nfirst")
    assert first.endswith("<mark class='wbr-only-a'>last</mark>") and second.endswith("<mark class='wbr-only-b'>first</mark>") and note == ""
    lines = "\n".join("ab" for _ in range(3_000))
    assert beside(lines, lines + "x")[2] == "The texts are too long to be compared."
    assert beside("x" * 30_000, "y")[2] == "Only the first 20,000 characters of each text are shown and compared."
