"""Identity numbers in every usual writing, and what must not be taken for one.

The numbers are published test numbers of the Swedish Tax Agency.
"""

import time

import pytest

from rorpost_gateway.identity_number import contains_identity_number

FOUND = {
    "ten digits": "8112189876",
    "ten with hyphen": "811218-9876",
    "ten with plus": "811218+9876",
    "ten with blank": "811218 9876",
    "twelve digits": "198112189876",
    "twelve with hyphen": "19811218-9876",
    "twelve with plus": "19811218+9876",
    "twelve with blank": "19811218 9876",
    "blanks around the hyphen": "811218 - 9876",
    "century apart": "19 811218-9876",
    "date apart": "1981-12-18-9876",
    "date apart, blank": "1981-12-18 9876",
    "date in blanks": "81 12 18 9876",
    "date with stops": "1981.12.18-9876",
    "date with slashes": "1981/12/18-9876",
    "digit by digit": "8 1 1 2 1 8 - 9 8 7 6",
    "digit by digit, twelve": "1 9 8 1 1 2 1 8 9 8 7 6",
    "coordination number": "701063-2391",
    "coordination number, twelve digits": "197010632391",
    "in a sentence": "Ang. pat 811218-9876, ring mig",
    "with the stop of a sentence": "Gäller 19811218-9876.",
    "in brackets": "(811218-9876)",
    "against letters": "pnr811218-9876abc",
    "after a number": "2 st 811218-9876",
    "after a year": "2026 811218-9876",
    "two, the second valid": "811218-9875/811218-9876",
    "en dash": "811218–9876",
    "non-breaking hyphen": "811218\u20119876",
    "minus sign": "811218−9876",
    "soft hyphen inside": "8112\u00ad18-98\u00ad76",
    "zero width space inside": "811218-\u200b9876",
    "non-breaking blank": "811218\u00a09876",
    "thin blank": "811218\u20099876",
    "tab": "811218\t9876",
    "line end": "811218\n9876",
    "full-width": "８１１２１８－９８７６",
    "arabic-indic": "٨١١٢١٨-٩٨٧٦",
    "mathematical": "𝟪𝟣𝟣𝟤𝟣𝟪-𝟫𝟪𝟩𝟨",
}

NOT_FOUND = {
    "nothing": "",
    "no digits": "Hjälpmedel till hemmet",
    "wrong check digit": "811218-9875",
    "no such month": "811318-9876",
    "no such day": "810230-0004",
    "year": "Rapport 2026",
    "years": "2025-2026",
    "date": "2026-05-06",
    "dates": "20260101-20261231",
    "span of dates": "2026-01-01 - 2026-12-31",
    "date and time": "2026-11-22 09:30",
    "phone": "0141-22 50 00",
    "phone together": "0141225000",
    "phone abroad": "+46 141 22 50 00",
    "phone 010": "010-103 00 00",
    "mobile": "070-174 06 05",
    "mobile in pairs": "08-12 12 12 34",
    "case number": "19/SN 0266",
    "case numbers": "Dnr 2026-0115, HSN 2025-1130-2023",
    "longer number": "18112189876",
    "account": "8112189876123456",
    "inside a longer number": "12345811218-9876",
    "continued number": "811218-98761",
    "decimals": "811218.9876.1",
    "card": "4111 1111 1111 1111",
    "too short": "811218-987",
}


@pytest.mark.parametrize("name", FOUND)
def test_found(name: str) -> None:
    assert contains_identity_number(FOUND[name])


@pytest.mark.parametrize("name", NOT_FOUND)
def test_not_found(name: str) -> None:
    assert not contains_identity_number(NOT_FOUND[name])


def test_times_after_a_date_never_are_numbers() -> None:
    times = [f"2026-05-06 {hour:02}{minute:02}" for hour in range(24) for minute in range(60)]
    assert not any(map(contains_identity_number, times))


def test_spans_of_dates_never_are_numbers() -> None:
    days = [f"2026-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 29)]
    spans = [f"{day}{dash}{day[:4]}-12-31" for day in days for dash in ("-", " - ", "–", "--", "/")]
    assert not any(map(contains_identity_number, spans))


@pytest.mark.parametrize(
    "unit",
    ["1", "1 ", "81", "811218", "811218-", "8112189875 ", "81 12 18 ", "19811218 - 9875 ", "٨", "\u00ad1"],
)
def test_time_grows_with_the_length_only(unit: str) -> None:
    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        begun = time.process_time()
        contains_identity_number(text)
        return time.process_time() - begun

    # A square would be 64 times; what a busy machine adds is left room for.
    assert seconds(256 * 1024) < 30 * max(seconds(32 * 1024), 0.002)
