"""The load makes every event there is: what nobody makes is tried by no run."""

from concord.published import published
from tests.chaos import load, stories

PUBLISHED = {event.type for event in published()}


def test_the_load_makes_every_published_type():
    """Where this fails somebody publishes something new: let a story make it happen."""
    made = {*load.EVENTS, *(event_type for story in stories.STORIES for event_type in story.events)}
    assert made == PUBLISHED


def test_two_services_tell_of_one_subject():
    """D63: the merchant that is renamed is the one whose links are followed."""
    by_name = {story.name: story for story in stories.STORIES}
    assert "identity.TenantChanged.v2" in by_name["a_merchant_is_renamed"].events
    assert "affiliates.ClickRecorded.v1" in by_name["a_link_earns_a_commission"].events
