"""Units of measurement: their spellings, and which ones measure the same."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import NamedTuple

from ...domain.parsed import Quantity
from .words import plain


class Unit(NamedTuple):
    """A unit: its symbol, what it measures, and how many base units it is."""

    symbol: str
    measures: str
    size: Fraction


# What it measures; then symbol, size in base units and further spellings. Sizes are exact by definition (SI Brochure,
# 9th edition; the international inch, foot, mile, pound and ounce of 1959).
_TABLE = """
length: nm 1/1000000000 nanometre; μm 1/1000000 micron micrometre um; mm 1/1000 millimetre; cm 1/100 centimetre;
 dm 1/10 decimetre; m 1 metre; km 1000 kilometre; in 254/10000 inch inches; ft 3048/10000 foot feet;
 mi 1609344/1000 mile
area: mm2 1/1000000 mm^2 sq_mm square_millimetre; cm2 1/10000 cm^2 sq_cm square_centimetre; m2 1 m^2 sq_m square_metre;
 ha 10000 hectare; km2 1000000 km^2 sq_km square_kilometre
volume: μl 1/1000000 microlitre ul; ml 1/1000 millilitre cc cm3 cm^3 cubic_centimetre; dl 1/10 decilitre; l 1 L litre;
 m3 1000 m^3 cubic_metre; mm3 1/1000000 mm^3 cubic_millimetre
mass: μg 1/1000000 mcg microgram ug; mg 1/1000 milligram; g 1 gram gramme; kg 1000 kilogram kilo; t 1000000 tonne;
 lb 45359237/100000 lbs pound; oz 45359237/1600000 ounce
time: ms 1/1000 millisecond; s 1 sec second; min 60 minute; h 3600 hr hrs hour; day 86400; week 604800
month: month 1; year 12 yr yrs year_old years_old
share: % 1 percent per_cent pct
angle: ° 1 deg degree
celsius: °C 1 °_C degree_celsius degrees_celsius degrees_c
fahrenheit: °F 1 °_F degree_fahrenheit degrees_fahrenheit degrees_f
kelvin: K 1 kelvin
pressure: mmHg 1 mm_hg
pascal: Pa 1 pascal; kPa 1000 kilopascal
frequency: Hz 1 hertz; kHz 1000 kilohertz; MHz 1000000 megahertz
rate: bpm 1 beats_per_minute
pixels: px 1 pixel
energy: kJ 1 kilojoule
kilocalories: kcal 1 kilocalorie
amount: mmol 1/1000 millimole; mol 1 mole
activity: IU 1 international_unit
level: dB 1 decibel
density: HU 1 hounsfield_unit
dollars: $ 1 dollar usd
euros: € 1 euro eur
pounds: £ 1 gbp
yen: ¥ 1 jpy
"""


def unit_of(text: str, wanted: str = "") -> Unit | None:
    """The unit that a text spells, alone; `wanted` is a unit too, whatever it is.

    Case counts where it tells units apart. A quotient of two units (mg/dl, km/h) is a unit.
    """
    name = "_".join(plain(text).split())
    known = _spellings()
    for spelling in (name, name.lower()) if len(name) > 1 else (name,):
        if spelling in known:
            return known[spelling]
    over, slash, under = name.partition("/")
    first, second = (unit_of(over), unit_of(under)) if slash else (None, None)
    if first is not None and second is not None:
        return Unit(
            f"{first.symbol}/{second.symbol}", f"{first.measures}/{second.measures}", first.size / second.size
        )
    if wanted and plain(text).casefold().split() == plain(wanted).casefold().split():
        return Unit(wanted, f"just {wanted}", Fraction(1))
    return None


def convert(quantity: Quantity, wanted: str) -> Quantity | None:
    """The same quantity in another unit; None when that unit measures something else. No unit means the wanted one."""
    if not wanted or not quantity.unit:
        return Quantity(quantity.number, quantity.unit or wanted)
    given, other = unit_of(quantity.unit, wanted), unit_of(wanted, wanted)
    if given is None or other is None or given.measures != other.measures:
        return None
    if given.size == other.size:
        return Quantity(quantity.number, wanted)
    return Quantity(float(Fraction(str(quantity.number)) * given.size / other.size), wanted)


@cache
def _spellings() -> dict[str, Unit]:
    known: dict[str, Unit] = {}
    for line in _TABLE.replace("\n ", " ").strip().splitlines():
        measures, _, entries = line.partition(": ")
        for entry in entries.split(";"):
            symbol, size, *others = entry.split()
            unit = Unit(symbol, measures, Fraction(size))
            for spelling in (symbol, *others):
                known[spelling] = unit
                if len(spelling) > 2 and spelling.isascii():
                    known.setdefault(f"{spelling}s", unit)
                if spelling.endswith(("metre", "litre")):
                    known[f"{spelling[:-2]}er"] = known[f"{spelling[:-2]}ers"] = unit
    return known
