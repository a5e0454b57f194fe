"""What the request at hand reaches: its service's database, and the other services."""

from typing import cast

from flask import current_app
from werkzeug.local import LocalProxy

from chassis.data.database import Database
from chassis.http.client import ServiceClient

db: Database = cast(Database, LocalProxy(lambda: current_app.extensions["database"]))
"""The database of the service that answers the request at hand."""

service_client: ServiceClient = cast(ServiceClient, LocalProxy(lambda: current_app.extensions["client"]))
"""The other services, as the caller of the request at hand may ask them."""
