"""The one client for addresses that our configuration names: other services, and issuers of tokens.

One pooled session without cookies and without proxies from the environment; short timeouts; a request that can be
repeated safely is tried again a few times; no redirects; a limit on the answer's size. Addresses that a tenant has
chosen are never asked through it.
"""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from chassis.core import context
from chassis.core.errors import NotFound, Upstream
from chassis.core.logs import logger
from chassis.core.principal import Principal, caller
from chassis.http.identity import HEADER, Signer

PLACE_TIMEOUT = 0.25  # seconds to wait for a free place
CONNECT_TIMEOUT = 0.5
READ_TIMEOUT = 5.0  # below the gateway's, so that the caller hears from us and not from its timeout
MAX_ANSWER = 16 * 1024 * 1024  # bytes
PIECE = 64 * 1024
CONNECT_RETRIES = Retry(total=2, read=0, status=0, backoff_factor=0.1, respect_retry_after_header=False)
# By ourselves: the library would read the rest of an answer, however long, before it asks again. A service that says
# when to come back says so to our caller: we do not hold a thread until then.
STATUS_RETRIES = (0.1, 0.2)  # seconds before the next attempt
AWAY = (502, 503, 504)

log = logger(__name__)


class FetchError(Exception):
    """No document came back. ``status`` is the status of the answer, if there was one."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: to tell the target, even of a redirect that is not followed, the whole answer would be read."""


class JsonClient:
    """Asks for JSON objects. Threads share it.

    Attributes:
        session: where a test mounts the service that answers.
    """

    def __init__(self, read_timeout: float = READ_TIMEOUT) -> None:
        self._timeout = (CONNECT_TIMEOUT, read_timeout)
        self.session = _Session()
        self.session.trust_env = False
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, HTTPAdapter(pool_maxsize=32, max_retries=CONNECT_RETRIES))

    def get(self, url: str) -> dict[str, Any]:
        """The JSON object at ``url``. Raises as ``ask``."""
        return self.ask("GET", url)

    def ask(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        """The JSON object that a request is answered with; ``options`` are those of ``requests``.

        Raises:
            FetchError: nothing answers, or the answer is not 200, not a JSON object or larger than ``MAX_ANSWER``.
        """
        options |= {"timeout": self._timeout, "allow_redirects": False, "stream": True}
        try:
            for pause in (*STATUS_RETRIES, None):
                with self.session.request(method, url, **options) as answer:
                    body = _read(answer)
                if answer.status_code not in AWAY or pause is None:
                    break
                time.sleep(pause)
            if answer.status_code != 200:
                raise FetchError(f"{url}: status {answer.status_code}", answer.status_code)
            document = json.loads(body)
        except (requests.RequestException, ValueError, RecursionError) as error:
            raise FetchError(f"{url}: {type(error).__name__}") from error
        if not isinstance(document, dict):
            raise FetchError(f"{url}: no object")
        return document


def _read(answer: requests.Response) -> bytes:
    body = b""
    for piece in answer.iter_content(PIECE):
        body += piece
        if len(body) > MAX_ANSWER:
            raise FetchError(f"{answer.url}: larger than {MAX_ANSWER} bytes", answer.status_code)
    return body


class ServiceClient:
    """The other services, asked before a transaction. When one is away the answer is 503 with ``Retry-After``.

    Args:
        addresses: base URL by service name.
        signer: signs the caller's identity on, as this service.
        places: how many questions may be under way to one service. When it hangs, the other threads go on answering
            what does not need it.
        as_whom: whose identity is signed on.
    """

    def __init__(
        self,
        addresses: Mapping[str, str],
        signer: Signer,
        *,
        places: int = 4,
        as_whom: Callable[[], Principal] = caller,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        self.addresses = dict(addresses)
        self.http = JsonClient(read_timeout)
        self._signer = signer
        self._as_whom = as_whom
        self._places: dict[str, threading.Semaphore] = defaultdict(lambda: threading.BoundedSemaphore(places))

    def get(self, service: str, path: str, *, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer to a GET.

        Raises:
            NotFound: the other service says 404.
            Upstream: it is away or gives any other answer than a JSON object with 200.
        """
        return self._ask("GET", service, path, params=params)

    def look_up(self, service: str, path: str, json: Any) -> dict[str, Any]:
        """The answer to a POST that may be repeated, such as a question too long for a query. Raises as ``get``."""
        return self._ask("POST", service, path, json=json)

    def _ask(self, method: str, service: str, path: str, **options: Any) -> dict[str, Any]:
        address = self.addresses.get(service)
        if address is None:
            log.error("CONCORD_SERVICES does not name a service that is needed", service=service)
            raise Upstream(f"The {service} service is not available.")
        headers = {
            HEADER: self._signer.sign(self._as_whom(), service),
            "X-Request-Id": context.request_id.get() or "",
            "traceparent": context.traceparent.get() or "",
        }
        try:
            with self._place(service):
                return self.http.ask(method, address.rstrip("/") + path, headers=headers, **options)
        except FetchError as error:
            if error.status == 404:
                raise NotFound() from error
            raise Upstream(f"The {service} service did not answer as expected. Try again later.") from error

    @contextmanager
    def _place(self, service: str) -> Iterator[None]:
        places = self._places[service]
        if not places.acquire(timeout=PLACE_TIMEOUT):
            raise Upstream(f"Too many requests are waiting for the {service} service.", retry_after=1)
        try:
            yield
        finally:
            places.release()
