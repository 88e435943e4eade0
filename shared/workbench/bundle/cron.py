"""One spelling of a cron expression, rendered for each platform.

Seven fields: second, minute, hour, day of month, month, weekday, year. Sources: SCF timer, document 583/9708 (seven
fields); FC time trigger, help document time-triggers (six fields, no year).
"""

from __future__ import annotations

import re

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# Name, lowest number, highest number, and the words that stand for numbers.
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 6, _WEEKDAYS),
    ("year", 1970, 2099, ()),
)
_PART = re.compile(r"(?P<first>\*|[0-9]+|[A-Z]{3})(?:-(?P<last>[0-9]+|[A-Z]{3}))?(?:/(?P<step>[0-9]+))?")


def render(text: str, platform: str) -> str:
    """The expression in the spelling of `platform` ("scf" or "fc").

    An expression of five fields starts at the minute, one of six at the second. One of seven ends with the year.

    Raises: ValueError naming the field and the rule.
    """
    fields = text.upper().split()
    if len(fields) == 5:
        fields = ["0", *fields]
    if len(fields) == 6:
        fields = [*fields, "*"]
    if len(fields) != 7:
        raise ValueError("cron must have 5, 6 or 7 fields: [second] minute hour day-of-month month weekday [year]")
    for field, rule in zip(fields, _FIELDS, strict=True):
        for part in field.split(","):
            _check(part, *rule)
    if fields[3] != "*" and fields[5] != "*":
        raise ValueError("cron: day of month or weekday must be *: the platforms read the two together differently")
    if platform == "scf":
        return " ".join(fields)
    if fields[6] != "*":
        raise ValueError("cron: fc has no year field, so the year must be *")
    return " ".join(fields[:6])


def _check(part: str, name: str, least: int, most: int, names: tuple[str, ...]) -> None:
    found = _PART.fullmatch(part)
    if found is None:
        raise ValueError(f"cron: the {name} must be *, a number, a range, a list or a step")
    if name == "weekday" and re.search("[0-9]", part.partition("/")[0]):
        raise ValueError("cron: write the weekday as MON to SUN, because the platforms number weekdays differently")
    numbers = [
        _number(value, name, names, least) for value in (found["first"], found["last"]) if value and value != "*"
    ]
    if any(not least <= number <= most for number in numbers):
        raise ValueError(f"cron: the {name} must be from {least} to {most}")
    if numbers != sorted(numbers) or (found["first"] == "*" and found["last"]):
        raise ValueError(f"cron: the {name} has a range that ends before it begins")
    if found["step"] and not 0 < int(found["step"]) <= most:
        raise ValueError(f"cron: the {name} has a step out of range")


def _number(value: str, name: str, names: tuple[str, ...], least: int) -> int:
    if value.isdigit():
        return int(value)
    if value not in names:
        raise ValueError(f"cron: the {name} holds a word that is not one of its names")
    return names.index(value) + least
