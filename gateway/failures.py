"""The failures that only a gateway has, in the house's shape (see ``chassis.core.errors``)."""

from http import HTTPStatus

from chassis.core.errors import Failure


class MethodNotAllowed(Failure):
    status = HTTPStatus.METHOD_NOT_ALLOWED
    default_code = "method_not_allowed"


class SlowBody(Failure):
    """The client did not send its body in time."""

    status = HTTPStatus.REQUEST_TIMEOUT
    default_code = "slow_body"


class TooLarge(Failure):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "request_entity_too_large"


class UnsupportedEncoding(Failure):
    """A compressed body could grow beyond every limit, so none is taken."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    default_code = "unsupported_media_type"


class TooMany(Failure):
    status = HTTPStatus.TOO_MANY_REQUESTS
    default_code = "rate_limited"


class BrokenUpstream(Failure):
    """The service answered something that is not a whole HTTP answer."""

    status = HTTPStatus.BAD_GATEWAY
    default_code = "upstream_broken"


class SlowUpstream(Failure):
    status = HTTPStatus.GATEWAY_TIMEOUT
    default_code = "upstream_timeout"
