"""The operator's own settings of the affiliate programme."""

import pytest

from chassis.process.settings import SettingsError
from services.affiliates import settings
from services.affiliates.common.terms import Kind


@pytest.fixture
def loaded(test_settings, monkeypatch):
    """Reads the settings with these variables set."""

    def load(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(f"CONCORD_{name}", value)
        return settings.of(test_settings)

    return load


def test_a_fixed_default_commission_has_a_currency(loaded):
    """D9."""
    terms = loaded(
        PLATFORM_COMMISSION_TYPE="FIXED", PLATFORM_COMMISSION_VALUE="2.50", PLATFORM_COMMISSION_CURRENCY="SEK"
    ).platform_commission
    assert (terms.kind, str(terms.value), terms.currency) == (Kind.FIXED, "2.50", "SEK")


@pytest.mark.parametrize("currency", ["", "ZZZ", "sek", "JPY"])
def test_a_fixed_default_commission_without_its_currency_is_refused_at_the_start(loaded, currency):
    """D9: also one that has no such amounts."""
    variables = {"PLATFORM_COMMISSION_CURRENCY": currency} if currency else {}
    with pytest.raises(SettingsError, match="PLATFORM_COMMISSION_CURRENCY"):
        loaded(PLATFORM_COMMISSION_TYPE="FIXED", PLATFORM_COMMISSION_VALUE="2.50", **variables)


def test_a_place_for_lost_visitors_is_an_address(loaded):
    """D64."""
    assert loaded(LINKS_FALLBACK_URL="https://Søk.example/").fallback_url == "https://xn--sk-lka.example/"
    with pytest.raises(SettingsError, match="LINKS_FALLBACK_URL"):
        loaded(LINKS_FALLBACK_URL="javascript:alert(1)")
