"""How far an erasure is, over the releases that change what is gone through."""

from uuid import UUID

import pytest

from privacy.erasures import ErasureRow
from privacy.personal_data import PersonalData
from tests.chassis.sample import Note

NOTES = PersonalData(Note, "Notes.")


@pytest.mark.parametrize("after", [[500], ["no id"], ["a", "b"], [None]])
def test_a_place_of_another_table_is_none(after):
    """A release may put a table where another one was, or where the broker's archive was being gone through."""
    assert ErasureRow(after=after).place_in(NOTES) is None


def test_a_place_of_the_table_is_gone_on_from():
    note = UUID(int=5)
    assert list(ErasureRow(after=[str(note)]).place_in(NOTES)) == [note]
