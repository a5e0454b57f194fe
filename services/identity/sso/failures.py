"""Why somebody is not signed in, in words for the person who reads the page."""

from http import HTTPStatus

from chassis.core.errors import Forbidden


class NotSignedIn(Forbidden):
    """A sign-in by an identity provider failed; answered as a page.

    Args:
        title: the page's heading.
        advice: what the person can do.
    """

    def __init__(
        self,
        title: str,
        advice: str,
        *,
        status: HTTPStatus | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(advice, status=status, headers={"Retry-After": str(retry_after)} if retry_after else None)
        self.title = title


def no_provider() -> NotSignedIn:
    """The same for a company that there is not, so that companies cannot be tried."""
    return NotSignedIn(
        "There is no single sign-on here",
        "Check the address, or sign in with your e-mail address and password.",
        status=HTTPStatus.NOT_FOUND,
    )


def suspended() -> NotSignedIn:
    return NotSignedIn("This access is suspended", "Please ask an administrator of your company.")


def provider_away(enforced: bool) -> NotSignedIn:
    advice = "Please try again in a few minutes."
    if not enforced:
        advice += " Until then you can sign in with your e-mail address and password, if you have one."
    return NotSignedIn(
        "Your company's sign-in cannot be reached", advice, status=HTTPStatus.SERVICE_UNAVAILABLE, retry_after=30
    )


def expired() -> NotSignedIn:
    return NotSignedIn(
        "This sign-in is over",
        "It took too long, was used already, or began in another browser. Please sign in again.",
        status=HTTPStatus.BAD_REQUEST,
    )


def declined() -> NotSignedIn:
    return NotSignedIn(
        "Your company's sign-in did not let you in", "Please try again, or ask an administrator of your company."
    )


def unproved() -> NotSignedIn:
    return NotSignedIn(
        "Your sign-in could not be verified",
        "Please sign in again. If that does not help, ask an administrator of your company.",
    )


def unverified_email() -> NotSignedIn:
    return NotSignedIn(
        "Your e-mail address is not verified",
        "Your company's sign-in must confirm your e-mail address first. Please ask an administrator of your company.",
    )


def belongs_elsewhere() -> NotSignedIn:
    return NotSignedIn(
        "This e-mail address belongs to another account",
        "Somebody signs in with it in another way already. Please ask an administrator of your company.",
    )


def no_role() -> NotSignedIn:
    return NotSignedIn(
        "You have no role here yet",
        "Your company has not given you one. Please ask an administrator of your company.",
    )
