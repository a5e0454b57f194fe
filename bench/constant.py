"""A service whose one endpoint always answers the same redirect: what ours is compared with.

``python -m bench.constant KEYS PORT``: the same chassis, server and log, and no database asked.
"""

import sys
from dataclasses import replace
from pathlib import Path

from flask import Response
from flask.views import MethodView
from sqlalchemy import MetaData

from chassis.http.blueprints import Blueprint
from chassis.process import server, settings
from chassis.process.service import Service

blp = Blueprint("constant", __name__, url_prefix="/r")


@blp.route("/<string:code>")
class Constant(MethodView):
    @blp.public
    def get(self, code):
        """Always the same."""
        return Response(status=302, headers={"Location": "https://shop.example/shoes?clickId=constant"})


if __name__ == "__main__":
    keys, port = sys.argv[1:]
    service = Service("constant", MetaData(), Path(__file__).parent, blueprints=(blp,))
    loaded = replace(settings.load(), keys=Path(keys), bind=f"127.0.0.1:{port}", threads=3)
    server.serve(service, loaded, ["api"])
