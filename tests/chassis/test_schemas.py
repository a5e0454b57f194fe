"""What every service's schemas refuse and ignore alike (D62, D65)."""

import pytest
from marshmallow import ValidationError, fields

from chassis.http.schemas import CamelSchema, UpdateSchema, prose, text


class BoatIn(CamelSchema):
    boat_name = text(50)
    log_book = prose(100, required=False)


class BoatOut(BoatIn):
    id = fields.UUID()
    times_sunk = fields.Integer()


class BoatUpdate(UpdateSchema, BoatIn):
    answer = BoatOut


def test_an_answer_can_be_sent_back_as_its_update():
    """D65."""
    answer = BoatOut().dump({"boat_name": "Vasa", "id": "x", "times_sunk": 1, "log_book": "Calm"})
    assert BoatUpdate().load(answer) == {"boat_name": "Vasa", "log_book": "Calm"}


@pytest.mark.parametrize(
    "body", [{"boatName": "Vasa", "sunk": 1}, {"boatName": "Vasa", "times_sunk": 1}, [], None, "x"]
)
def test_what_no_answer_has_is_refused_in_an_update(body):
    with pytest.raises(ValidationError):
        BoatUpdate().load(body)


def test_what_is_read_only_is_refused_elsewhere():
    with pytest.raises(ValidationError):
        BoatIn().load({"boatName": "Vasa", "timesSunk": 1})


UNFIT = [
    "a\rb",
    "a\nb",
    "a\r\nBcc: b",
    "a\tb",
    "a\x1bb",
    "a\x7fb",
    "a\x85b",
    "a\u2028b",
    "a\u202eb",
    "a\u2066b",
    "a\u061cb",
]


@pytest.mark.parametrize("name", UNFIT)
def test_a_name_is_one_line_that_reads_as_it_is_written(name):
    with pytest.raises(ValidationError):
        BoatIn().load({"boatName": name})


@pytest.mark.parametrize("log", ["a\x1bb", "a\x00b", "a\x7fb", "a\x85b", "a\u2028b", "a\u202eb", "a\u2066b", "\u200b"])
def test_prose_has_lines_but_no_controls_or_overrides(log):
    with pytest.raises(ValidationError):
        BoatIn().load({"boatName": "Vasa", "logBook": log})
    assert BoatIn().load({"boatName": "Vasa", "logBook": "a\r\n\tb\n"})["log_book"] == "a\r\n\tb"


@pytest.mark.parametrize("name", ["Ωmega 🚢🏴󠁧󠁢󠁳󠁣󠁴󠁿", "שלום", "क्षि", "👩‍👩‍👧", "می‌خواهم", "Åsa 'B' <C>"])
def test_names_of_every_language_are_names(name):
    """Zero-width joiners are part of words and emoji."""
    assert BoatIn().load({"boatName": name}) == {"boat_name": name}
