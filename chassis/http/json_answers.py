"""How answers are written as JSON."""

from decimal import Decimal
from typing import Any, cast

import orjson
from flask import Response
from flask.json.provider import DefaultJSONProvider


class JsonProvider(DefaultJSONProvider):
    """JSON answers in the order of their schemas; a ``Decimal`` becomes an equal number, as far as 15 digits go."""

    sort_keys = False
    OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS

    @staticmethod
    def default(value: Any) -> Any:
        if isinstance(value, Decimal):
            return int(value) if value == value.to_integral_value() else float(value)
        return DefaultJSONProvider.default(value)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        answer = self._prepare_response_obj(args, kwargs)
        try:
            written = orjson.dumps(answer, self.default, self.OPTIONS)
        except orjson.JSONEncodeError:  # such as a number beyond 64 bits: slowly, but the same for everything
            return cast(Response, super().response(answer))
        return Response(written, mimetype=self.mimetype)
