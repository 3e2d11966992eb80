"""Medians and bootstrap intervals: how a noisy machine is made to say something.

Machines are shared, so a figure of one round means little and a mean is pulled about by one bad
second. What is compared is always the ratio of two servers within the same round; its median over
the rounds stands for the run, and the percentile bootstrap says how far another run of as many
rounds might have put it.
"""

import random
from dataclasses import dataclass
from typing import Optional, Sequence

RESAMPLES = 10_000
CONFIDENCE = 0.95
FULL_ROUNDS = 15  # fewer rounds than this give a provisional verdict


@dataclass(frozen=True)
class Interval:
    """A median and the ends of its bootstrap interval."""

    median: float
    low: float
    high: float


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two middle ones. Requires: not empty."""
    if not values:
        raise ValueError("median of nothing")
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return float(ordered[middle])
    return (ordered[middle - 1] + ordered[middle]) / 2


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of the sorted values lie, interpolated linearly."""
    if not ordered:
        raise ValueError("quantile of nothing")
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def bootstrap(values: Sequence[float], seed: int = 1, resamples: int = RESAMPLES) -> Interval:
    """The median of `values` and its percentile bootstrap interval; one seed gives one result."""
    rng = random.Random(seed)
    count = len(values)
    medians = sorted(median(rng.choices(values, k=count)) for _ in range(resamples))
    tail = (1 - CONFIDENCE) / 2
    return Interval(median(values), quantile(medians, tail), quantile(medians, 1 - tail))


def paired_ratios(values: Sequence[Optional[float]],
                  references: Sequence[Optional[float]]) -> list:
    """value / reference of each round in which neither is void (None)."""
    if len(values) != len(references):
        raise ValueError("not the same rounds")
    return [value / reference for value, reference in zip(values, references)
            if value is not None and reference]


def paired_differences(values: Sequence[Optional[float]],
                       references: Sequence[Optional[float]]) -> list:
    """value - reference of each round in which neither is void (None)."""
    if len(values) != len(references):
        raise ValueError("not the same rounds")
    return [value - reference for value, reference in zip(values, references)
            if value is not None and reference is not None]


def verdict(interval: Interval, target: float) -> str:
    """Met or missed by the whole interval; open when the target lies within it: the run was too noisy to say."""
    if interval.high <= target:
        return "met"
    return "missed" if interval.low > target else "open"
