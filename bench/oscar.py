"""django-oscar's applicator as a comparison: its real models on an in-memory SQLite, and nothing around them.

Only an environment made by ``make bench`` has it; nothing else here knows Django.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any


def start() -> None:
    """Set Django up with oscar's own applications and their tables."""
    import django
    import oscar
    from django.conf import settings
    from django.core.management import call_command
    from oscar import defaults

    settings.configure(
        SECRET_KEY="of a measurement",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=oscar.INSTALLED_APPS,
        MIGRATION_MODULES=_Tables(),
        HAYSTACK_CONNECTIONS={"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}},
        SITE_ID=1,
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        **{name: value for name, value in vars(defaults).items() if name.startswith("OSCAR_")},
    )
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)


def applicator(
    lines: Sequence[tuple[str, int, Decimal]], offers: Sequence[tuple[str, int, int]]
) -> Callable[[], Decimal]:
    """What one evaluation of a basket is: a call that applies all offers anew and returns the whole discount.

    Args:
        lines: products with quantity and price.
        offers: a product, the percentage off it and its priority, the higher the earlier. They are read once, as our
            campaigns are.
    """
    from oscar.apps.offer.applicator import Applicator
    from oscar.test import factories

    products = {name: factories.create_product(title=name, price=price, num_in_stock=99) for name, _, price in lines}
    basket = factories.create_basket(empty=True)
    for name, quantity, _ in lines:
        basket.add_product(products[name], quantity)
    for name, percent, priority in offers:
        _offer(products[name], percent, priority)
    apply = Applicator()
    loaded = apply.get_offers(basket)
    assert len(loaded) == len(offers)

    def once() -> Decimal:
        basket.reset_offer_applications()
        apply.apply_offers(basket, loaded)
        return Decimal(basket.total_discount)

    return once


def _offer(product: Any, percent: int, priority: int) -> None:
    from oscar.test.factories.offer import BenefitFactory, ConditionalOfferFactory, ConditionFactory, RangeFactory

    chosen = RangeFactory(products=[product])
    ConditionalOfferFactory(
        condition=ConditionFactory(range=chosen, type="Count", value=1),
        benefit=BenefitFactory(range=chosen, type="Percentage", value=percent),
        priority=priority,
    )


class _Tables:
    """Every application without migrations: tables are made from the models, in a second instead of a minute."""

    def __contains__(self, _name: str) -> bool:
        return True

    def __getitem__(self, _name: str) -> None:
        return None
