"""One number with its sign and unit, or none."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.prompts.parsing import Quantity, Task, parse
from shotsmith.prompts.parsing.numbers import read_number, spelled
from shotsmith.prompts.parsing.units import _spellings, convert, unit_of


def read(text: str, unit: str = "") -> Quantity | None:
    return read_number(text, unit)[0]


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("-3.5 mm", -3.5, "mm"),
        ("−7", -7, ""),  # a typographic minus
        ("1,234", 1234, ""),
        ("1,234.5 kg", 1234.5, "kg"),
        ("1.234,5", 1234.5, ""),
        ("1.234.567", 1234567, ""),
        ("1\u202f234 kg", 1234, "kg"),
        ("1\u00a0234", 1234, ""),
        ("1e-3", 0.001, ""),
        ("2.5E+4", 25000, ""),
        ("1.2 × 10⁻³ g", 0.0012, "g"),
        ("1.2x10^-3", 0.0012, ""),
        (".5", 0.5, ""),
        ("+4", 4, ""),
        ("-0", 0, ""),
        ("minus 5 °C", -5, "°C"),
        ("seven", 7, ""),
        ("Seven.", 7, ""),
        ("The value is **-3.50**.", -3.5, ""),
        ("It is about 3.5 cm wide.", 3.5, "cm"),
        ("Answer: 3.5 mm. Because 2 and 2 is 4.", 3.5, "mm"),
        ("2 of the 3 show it, so\nAnswer: 12", 12, ""),
        ("$1,200.50", 1200.5, "$"),
        ("-$35", -35, "$"),
        ("5%", 5, "%"),
        ("5 percent", 5, "%"),
        ("12 mm²", 12, "mm2"),
        ("7 square millimetres", 7, "mm2"),
        ("37 ℃", 37, "°C"),
        ("3 µm", 3, "μm"),
        ("80 km/h", 80, "km/h"),
        ("5 mg/dL", 5, "mg/dl"),
        ("63 years old", 63, "year"),
        ("120 mm Hg", 120, "mmHg"),
        ("5 in the box", 5, ""),
        ("The covid-19 count is 5", 5, ""),
        ("3.5 mm (0.35 cm)", 3.5, "mm"),
        ("B12: 40", 40, ""),
    ],
)
def test_one_number(text: str, number: float, unit: str) -> None:
    assert read(text) == Quantity(number, unit)


@pytest.mark.parametrize(
    "text",
    [
        *("", "none", "a few", "nan", "inf", "1e999", "B12", "3rd", "3D", "v1.5", "3_000", "0x1F", "3k"),
        *(
            "3-5",
            "3–5 mm",
            "3 - 5",
            "3 to 5",
            "between 3 and 5",
            "5±1",
            "5 ± 1",
            "5 +/- 1",
            "10%-20%",
            "3...5",
            "3…5",
        ),
        *(">5", "≤ 5", "at least 5", "less than 5", "up to 5", "5+", "over 5"),
        *("1/2", "½", "5 1/2", "3:1", "12:30", "2024-05-01", "1.2.3", "2^10", "3 x 10", "2+2"),
        *("1,5", "1,23", "0,234", "12,34", "1,2345", "1.234,56,7"),
        *("3 or 4", "3, 4", "Answer: 3\nAnswer: 4", "5 ft 3 in", "3.5 mm (0.36 cm)", "100 000"),
        *("- 3.5", "--3", "5 million", "2 thousand"),
    ],
)
def test_what_is_not_one_number_is_refused(text: str) -> None:
    assert read(text) is None
    parsed = parse(text, Task("number"))
    assert (parsed.answer, parsed.how, parsed.value) == (None, "failed", None)
    assert parsed.steps[0].outcome


@pytest.mark.parametrize(
    ("text", "wanted", "number"),
    [
        ("0.35 cm", "mm", 3.5),
        ("3.5", "mm", 3.5),
        ("3.5 millimetres", "mm", 3.5),
        ("3.5 millimeters", "mm", 3.5),
        ("5 in", "cm", 12.7),
        ("0.3 g", "mg", 300),
        ("1.1 m", "cm", 110),
        ("90 min", "h", 1.5),
        ("2 g/l", "mg/ml", 2),
        ("3 cats", "cats", 3),
        ("40 HU", "HU", 40),
    ],
)
def test_a_unit_that_measures_the_same_is_converted_exactly(text: str, wanted: str, number: float) -> None:
    assert read(text, wanted) == Quantity(number, wanted)


@pytest.mark.parametrize(
    ("text", "wanted"), [("5 kg", "mm"), ("37 °C", "°F"), ("80 km/h", "kg"), ("5%", "mm"), ("$5", "€")]
)
def test_a_unit_that_measures_something_else_is_refused(text: str, wanted: str) -> None:
    quantity, wrong = read_number(text, wanted)
    assert quantity is None
    assert wanted in wrong


finite = st.floats(allow_nan=False, allow_infinity=False)
units = st.sampled_from(["", *sorted({unit.symbol for unit in _spellings().values()})])


@given(finite, units)
def test_every_number_reads_as_itself(number: float, unit: str) -> None:
    quantity = Quantity(number + 0.0, unit)
    assert read(spelled(quantity)) == quantity
    assert read(f"The value is {spelled(quantity)}.") == quantity
    assert read(spelled(quantity), unit) == quantity


@given(st.integers(-(10**12), 10**12))
def test_thousands_may_be_grouped(number: int) -> None:
    for text in (
        f"{number:,}",
        f"{number:,}".replace(",", "\u202f"),
        f"{number:,}.0",
        str(number).replace("-", "−"),
    ):
        assert read(text) == Quantity(float(number))


@given(
    st.integers(-1000, 1000),
    st.integers(-1000, 1000),
    st.sampled_from(["-", "–", " to ", " or ", "/", "±", ", "]),
)
def test_two_numbers_are_never_one(one: int, other: int, between: str) -> None:
    if one != other:
        assert read(f"{one}{between}{other}") is None


@given(st.integers(-(10**6), 10**6), st.sampled_from(["nm", "μm", "mm", "cm", "m", "km", "in", "ft"]))
def test_conversion_there_and_back_is_the_same(number: int, unit: str) -> None:
    there = convert(Quantity(float(number), unit), "mm")
    assert there is not None
    back = convert(there, unit)
    assert back is not None
    assert math.isclose(back.number, number, rel_tol=1e-12)


def test_spellings_do_not_clash() -> None:
    for spelling, unit in _spellings().items():
        assert unit_of(spelling.replace("_", " ")) == unit, spelling
    assert unit_of("km/h") is not None
    assert unit_of("km/h").size == Fraction(1000, 3600)  # type: ignore[union-attr]
    assert unit_of("cats") is None
    assert unit_of("/") is None


def test_text_of_any_kind_breaks_nothing() -> None:
    @given(st.text(max_size=40), st.sampled_from(["", "mm", "cats"]))
    def any_text(text: str, unit: str) -> None:
        quantity, wrong = read_number(text, unit)
        assert (quantity is None) == bool(wrong)
        assert quantity is None or math.isfinite(quantity.number)

    any_text()
