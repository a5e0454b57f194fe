"""Asking another service, before a transaction, as the caller of the request at hand.

One pooled session a thread, no cookies, no proxies from the environment; short timeouts; what is safe to repeat is
tried again a few times. When the other is away the answer is 503 with ``Retry-After`` and nothing has been written.
"""

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from chassis.core import context
from chassis.core.errors import NotFound, Upstream
from chassis.core.logs import logger
from chassis.core.principal import caller
from chassis.http.identity import HEADER, Signer

PLACE_TIMEOUT = 0.25  # seconds to wait for a free place
CONNECT_TIMEOUT = 0.5
READ_TIMEOUT = 5.0  # below the gateway's, so that the caller hears from us and not from its timeout
# A neighbour that says when to come back says so to our caller: we do not hold a thread until then.
TRIES = Retry(
    total=2,
    connect=2,
    read=0,
    status=2,
    status_forcelist=(502, 503, 504),
    allowed_methods=None,
    backoff_factor=0.1,
    raise_on_status=False,
    respect_retry_after_header=False,
)

log = logger(__name__)


class ServiceClient:
    """The neighbours of one service.

    Args:
        services: base URL by service name.
        signer: signs the caller's identity on, as this service.
        places: how many questions may be under way to one neighbour. When it hangs, the other threads go on answering
            what needs no neighbour.
    """

    def __init__(self, services: Mapping[str, str], signer: Signer, places: int = 4) -> None:
        self._services = services
        self._signer = signer
        self._local = threading.local()
        self._places: dict[str, threading.Semaphore] = defaultdict(lambda: threading.BoundedSemaphore(places))

    def get(self, service: str, path: str, *, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON answer to a GET.

        Raises:
            NotFound: the other service says 404.
            Upstream: it is away or answers anything else than 2xx.
        """
        return self._ask("GET", service, path, params=params)

    def look_up(self, service: str, path: str, json: Any) -> Any:
        """The JSON answer to a POST that changes nothing, for questions too long for a query. Raises as ``get``."""
        return self._ask("POST", service, path, json=json)

    def _ask(self, method: str, service: str, path: str, **kwargs: Any) -> Any:
        headers = {
            HEADER: self._signer.sign(caller(), service),
            "X-Request-Id": context.request_id.get() or "",
            "traceparent": context.traceparent.get() or "",
        }
        base = self._services.get(service)
        if base is None:
            log.error("CONCORD_SERVICES does not name a service that is needed", service=service)
            raise Upstream(f"The {service} service is not there.")
        url = base.rstrip("/") + path
        with self._place(service):
            try:
                timeout = (CONNECT_TIMEOUT, READ_TIMEOUT)
                answer = self._session().request(
                    method, url, headers=headers, timeout=timeout, allow_redirects=False, **kwargs
                )
            except requests.RequestException as error:
                log.warning("service away", service=service, path=path, error=repr(error))
                raise Upstream(f"The {service} service cannot be reached just now; try again.") from error
        return _read(answer, service)

    @contextmanager
    def _place(self, service: str) -> Iterator[None]:
        places = self._places[service]
        if not places.acquire(timeout=PLACE_TIMEOUT):
            raise Upstream(f"Too many requests wait for the {service} service.", retry_after=1)
        try:
            yield
        finally:
            places.release()

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            session = requests.Session()
            session.trust_env = False
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            session.mount("http://", HTTPAdapter(max_retries=TRIES))
            session.mount("https://", HTTPAdapter(max_retries=TRIES))
            self._local.session = session
        found: requests.Session = self._local.session
        return found


def _read(answer: requests.Response, service: str) -> Any:
    if answer.status_code == 404:
        raise NotFound()
    if not answer.ok:
        log.warning("service refused", service=service, status=answer.status_code)
        raise Upstream(f"The {service} service did not answer as expected; try again.")
    try:
        return answer.json()
    except ValueError as error:
        raise Upstream(f"The {service} service gave an answer that cannot be read.") from error
