"""`GET /metrics`: the figures of the box in the text that Prometheus reads, on loopback alone, and only if asked for.

Whoever scrapes runs on the box (an agent of Prometheus that sends on, an exporter of the state's own): the port is
not for the street's network. A port that cannot be had is said in the log and stops nothing: cameras matter more than
their figures.

A registry is made for each answer and thrown away, so that nothing global counts beside it. The aggregator has the same
few lines: the two programs share the wire, and no more.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import structlog
from aiohttp import hdrs, web
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from edge_agent.core.figures import Figures
from edge_agent.core.metrics import METRICS, Metric

HOST: Final = "127.0.0.1"
PATH: Final = "/metrics"

Read: TypeAlias = Callable[[], Awaitable[Figures]]
Family: TypeAlias = CounterMetricFamily | GaugeMetricFamily

log = structlog.get_logger()


@asynccontextmanager
async def serving_metrics(read: Read, port: int) -> AsyncIterator[None]:
    """Answer while the context lasts; with port 0 nobody is answered."""
    if not port:
        yield
        return
    runner = web.AppRunner(_app(read), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, HOST, port).start()
        except OSError as exc:
            log.error("metrics_not_served", port=port, why=exc.strerror)  # noqa: TRY400  no frames in a log
        yield
    finally:
        await runner.cleanup()


def _app(read: Read) -> web.Application:
    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get(hdrs.ACCEPT, ""))
        return web.Response(body=encode(registry_of(await read())), headers={hdrs.CONTENT_TYPE: content_type})

    app = web.Application(client_max_size=1024)
    app.router.add_get(PATH, metrics)
    return app


def registry_of(figures: Figures) -> CollectorRegistry:
    """A registry that holds the figures of one moment, and those of this process."""
    registry = CollectorRegistry()
    registry.register(_Moment(figures))
    ProcessCollector(registry=registry)
    return registry


class _Moment(Collector):
    """Turns figures into families."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    @override
    def collect(self) -> Iterator[Family]:
        for metric in METRICS:
            yield _family(metric, self._figures)


def _family(metric: Metric, figures: Figures) -> Family:
    kind = CounterMetricFamily if metric.is_counter else GaugeMetricFamily
    family = kind(metric.name, metric.about, labels=metric.labels)
    for labels, value in metric.read(figures):
        family.add_metric(labels, value)
    return family
