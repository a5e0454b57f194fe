"""The tour of ``docs/events/webhooks.md`` works as it is pasted. ``test_up`` takes it on ``concord up``."""

import pytest

from tests.e2e.tour import take_tour


@pytest.mark.nightly  # on a change `test_up` takes it
def test_the_tour_shows_both_messages_and_what_came_of_them(platform, network, tmp_path):
    take_tour(platform.url, network.supplier.email, tmp_path)
