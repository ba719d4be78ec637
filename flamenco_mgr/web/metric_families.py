"""Numbers as families of metrics, of which each has its name, its help and its labels."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from flamenco_mgr.durations import BOUNDS, Durations

PREFIX = "flamenco_"

Labelled = tuple[tuple[str, ...], float]
"""The values of the labels, and the number."""

_CLASSES = [*(format(bound, "g") for bound in BOUNDS), "+Inf"]


def gauge(name: str, about: str, value: float | None) -> Metric:
    """Return a number that goes up and down; nothing is told if it is not known."""
    family = GaugeMetricFamily(PREFIX + name, about)
    if value is not None:
        family.add_metric((), float(value))
    return family


def gauges(name: str, about: str, labels: tuple[str, ...], values: Iterable[Labelled]) -> Metric:
    """Return such numbers by labels."""
    family = GaugeMetricFamily(PREFIX + name, about, labels=labels)
    for of_labels, value in values:
        family.add_metric(of_labels, float(value))
    return family


def counters(name: str, about: str, labels: tuple[str, ...], values: Iterable[Labelled]) -> Metric:
    """Return numbers by labels that only grow."""
    family = CounterMetricFamily(PREFIX + name, about, labels=labels)
    for of_labels, value in values:
        family.add_metric(of_labels, float(value))
    return family


def histograms(
    name: str, about: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], Durations]]
) -> Metric:
    """Return how long things took, by labels."""
    family = HistogramMetricFamily(PREFIX + name, about, labels=labels)
    for of_labels, taken in values:
        so_far = 0
        buckets = []
        for upto, count in zip(_CLASSES, taken.counts, strict=True):
            so_far += count
            buckets.append((upto, float(so_far)))
        family.add_metric(of_labels, buckets=buckets, sum_value=taken.seconds)
    return family


def by_status(known: Collection[str], counted: Mapping[str, int]) -> Iterable[Labelled]:
    """
    Return how many there are by each known status, also when there are none, and by all others together.

    Whatever a Server or a database says can be a status, and must not become ever more labels.
    """
    totals: Counter[str] = Counter(dict.fromkeys([*known, "other"], 0))
    for status, count in counted.items():
        totals[status if status in known else "other"] += count
    return [((status,), float(count)) for status, count in totals.items()]
