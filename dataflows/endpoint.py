"""An address where Prometheus can ask, as long as something runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server

from connectors.broker import BrokerError
from dataflows.settings import split_address


class MonitorError(BrokerError):
    """The address for Prometheus can't be had: the outside failed, exit code 3."""


@contextmanager
def served(registry: CollectorRegistry, address: str | None) -> Iterator[str | None]:
    """Answer Prometheus at ``host:port`` meanwhile; the address with its real port, None for no address.

    Raises:
        MonitorError: somebody else listens there, or it is no address of this machine.
    """
    if address is None:
        yield None
        return
    host, port = split_address(address)
    try:
        server, thread = start_http_server(port, addr=host or "0.0.0.0", registry=registry)  # noqa: S104 (as asked)
    except OSError as error:
        raise MonitorError(
            f"expected to listen on {address} for Prometheus, received: {error.strerror or error}; "
            "choose another with --metrics-addr"
        ) from error
    try:
        yield f"{host or '0.0.0.0'}:{server.server_port}"  # noqa: S104 (as asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
