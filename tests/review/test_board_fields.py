"""Fields: what was typed is taken for the showing that it was typed in, and for no other."""

from __future__ import annotations

from workbench.review.fields import Field, take


def test_what_is_typed_is_for_the_showing_it_was_typed_in() -> None:
    note, choice = Field(hint="Note"), Field(label="Order", options=["first", "last"], text="first")
    before = note.number
    assert note.number != choice.number and (note.text, choice.text) == ("", "first")
    take([note, choice], [[note.number, "a"], [choice.number, "last"], [10**9, "nobody's"]])
    assert (note.text, choice.text) == ("a", "last") and note.shown == ""       # what the reader types is not written over
    note.show("b")
    take([note], [[before, "late news"]])
    assert note.text == note.shown == "b" and note.number != before


def test_options_change_with_what_is_shown() -> None:
    field = Field(label="Criterion", options=["all"], text="all")
    field.show("help", options=["all", "help"])
    assert (field.options, field.text, field.shown) == (["all", "help"], "help", "help")
