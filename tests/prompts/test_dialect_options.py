"""Dialects by their text form: options are read or refused with one clear error, and recipes keep them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith import registry
from shotsmith.domain.errors import InvalidInput, InvalidParameter, MissingExtra, ShotsmithError, UnknownName
from shotsmith.domain.messages import Message, TextPart
from shotsmith.domain.recipes import Recipe
from shotsmith.prompts.dialects import Brief, Dialect, Shot, describe, open_dialect
from shotsmith.prompts.dialects.collage import Collage
from shotsmith.prompts.dialects.text import Text


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("collage", Collage()),
        ("collage()", Collage()),
        (" collage ( columns = 2, format=png ) ", Collage(columns=2, format="png")),
        ("text(summary=intent,everything=true)", Text(summary="intent", everything=True)),
        ('text(summary="intent")', Text(summary="intent")),
    ],
)
def test_options_are_read(text: str, dialect: Dialect) -> None:
    assert open_dialect(text) == dialect


@pytest.mark.parametrize(
    ("text", "field", "told"),
    [
        ("collage(colums=4)", "collage.colums", "Did you mean 'columns'? Options of collage: columns (int)"),
        ("collage(columns=17)", "collage.columns", "less than or equal to 16"),
        ("collage(columns=0)", "collage.columns", "greater than or equal to 1"),
        ('collage(columns="4")', "collage.columns", "not a text"),
        ("collage(columns=true)", "collage.columns", "not true or false"),
        ("collage(columns=2.5)", "collage.columns", "integer"),
        ("text(summary=poem)", "text.summary", "'caption' or 'intent'"),
        ("text(everything=1)", "text.everything", "valid boolean"),
        ("chat(a=1)", "chat.a", "Options of chat: none"),
        ("chat|interleaved", "dialect", "a recipe has one dialect"),
        ("chat(", "dialect", "expected NAME=VALUE at column 6"),
        ("collage(columns=2,columns=3)", "dialect", "columns stands twice"),
        ("chat)(", "dialect", "at column"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_one_clear_error(text: str, field: str, told: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        open_dialect(text)
    assert refused.value.field == field
    assert told in str(refused.value)
    assert refused.value.mend


@pytest.mark.parametrize("text", ["", "chatt", "Chat", "two words", "chat,qwen", "кот", "collage(x"])
def test_an_unknown_name_is_told_or_a_broken_form(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        open_dialect(text)
    assert isinstance(refused.value, UnknownName) is ("(" not in text)


@given(
    st.text(max_size=30) | st.from_regex(r"(collage|text|chat)\([a-z=,0-9\[\"{}]{0,12}\)?", fullmatch=True)
)
def test_any_text_opens_a_dialect_or_is_refused(text: str) -> None:
    try:
        opened = open_dialect(text)
    except ShotsmithError as error:
        assert error.mend  # noqa: PT017  # most texts are refused, and some are not
    else:
        assert isinstance(opened, Dialect)


def test_recipes_spell_equal_dialects_alike() -> None:
    recipe = Recipe.read('rices|with(dialect=collage( columns = 4 , format = "png"))')
    assert recipe.dialect == "collage(columns=4,format=png)"
    assert recipe == Recipe.read({"dialect": "collage(columns=4, format=png)"})
    assert recipe.text == "rices(k=8)|similar_last|with(dialect=collage(columns=4,format=png))"
    for again in (recipe.text, recipe.model_dump(mode="json")):
        assert Recipe.read(again) == recipe
    assert Recipe(dialect="chat()").dialect == "chat"
    assert Recipe(dialect="no dialect at all(").dialect == "no dialect at all("


# Dialects of third parties


class Plain:
    """Says everything at once."""

    def render(self, brief: Brief) -> tuple[Message, ...]:
        return (Message("user", (TextPart(brief.query.text),)),)


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    real = registry._entries

    def install(**values: str) -> None:
        added = {name: EntryPoint(name, value, "shotsmith.dialects") for name, value in values.items()}
        monkeypatch.setattr(
            registry, "_entries", lambda kind: {**real(kind), **(added if kind == "dialects" else {})}
        )

    return install


def test_a_class_without_options_is_a_dialect(plugins: Callable[..., None]) -> None:
    plugins(plain=f"{__name__}:Plain")
    dialect = open_dialect("plain")
    assert dialect.render(Brief("Do it.", (), Shot((), "c"))) == (Message("user", (TextPart("c"),)),)
    (described,) = [one for one in describe() if one.name == "plain"]
    assert described.summary == "Says everything at once."
    assert described.options == ()
    with pytest.raises(InvalidParameter, match="plain takes no options"):
        open_dialect("plain(a=1)")


def test_what_does_not_render_is_told_off(plugins: Callable[..., None]) -> None:
    plugins(number="builtins:int")
    with pytest.raises(InvalidInput, match="does not render"):
        open_dialect("number")


def test_a_broken_plugin_breaks_nothing_else(
    plugins: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    plugins(broken="no_such_module_anywhere:Thing")
    with pytest.raises(MissingExtra, match="cannot be loaded"):
        open_dialect("broken")
    with caplog.at_level(logging.WARNING, "shotsmith"):
        assert "broken" not in [one.name for one in describe()]
    assert "no_such_module_anywhere" in caplog.text


def test_every_option_has_a_default_and_a_description() -> None:
    for one in describe():
        assert one.summary.endswith("."), one.name
        for option in one.options:
            assert option.description, option.name
            assert option.default is not None
