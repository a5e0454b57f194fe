"""How amounts are read and written (D9)."""

from decimal import Decimal

import pytest

from chassis.core import money


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (0.30000000000000004, "0.30"),
        (99.9999999999, "100.00"),
        ("29.9900", "29.99"),
        (29.99, "29.99"),
        (5, "5.00"),
        (1e2, "100.00"),
        (0, "0.00"),
        (-0.0, "0.00"),
    ],
)
def test_an_amount_is_read_by_its_shortest_form(value, amount):
    """Minus zero is zero: an answer of ``-0.00`` could not be sent back."""
    read = money.read(value)
    assert read is not None
    assert money.written(money.exact(read, "SEK"), "SEK") == amount


@pytest.mark.parametrize(
    "value", [True, None, "", "-0", "-1", -1e-10, -1, "1e2", "1.", "100,0", "١", 1e300, float("nan")]
)
def test_what_is_no_amount(value):
    assert money.read(value) is None


def test_what_is_written_is_read_as_it_is_in_every_currency():
    for currency, places in money.CURRENCIES.items():
        for minor in (0, 1, 10**places, 123_456_789):
            amount = money.from_minor(minor, currency)
            written = money.written(amount, currency)
            for form in (written, float(written)):
                read = money.read(form)
                assert read is not None
                assert money.exact(read, currency) == amount
                assert money.to_minor(read, currency) == minor
        too_fine = Decimal(1).scaleb(-places - 1)
        with pytest.raises(money.InexactAmount):
            money.exact(too_fine, currency)
