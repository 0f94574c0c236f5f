"""`GET /metrics`, beside `/healthz`: the figures in the text that Prometheus reads.

A registry is made for each answer and thrown away: what is told are the figures of that moment, and nothing global
counts beside them. Figures of the process (memory, descriptors, seconds of processor) come from the library.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeAlias

from aiohttp import hdrs, web
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from aggregator.core.figures import Figures
from aggregator.core.metrics import METRICS, Metric

Read: TypeAlias = Callable[[], Awaitable[Figures]]
Family: TypeAlias = CounterMetricFamily | GaugeMetricFamily


def metrics_route(read: Read) -> web.RouteDef:
    """The route, answered from whatever `read` finds."""

    async def metrics(request: web.Request) -> web.Response:
        registry = registry_of(await read())
        encode, content_type = choose_encoder(request.headers.get(hdrs.ACCEPT, ""))
        return web.Response(body=encode(registry), headers={hdrs.CONTENT_TYPE: content_type})

    return web.get("/metrics", metrics)


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
