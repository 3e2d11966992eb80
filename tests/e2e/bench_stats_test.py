"""The statistics of bench/peers: a verdict of the benchmark is only as good as its arithmetic."""

import importlib.util
import pathlib
import random
import sys

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "bench" / "peers" / "stats.py"


def load_stats():
    """Loads the module under a name of its own: the harness's short names must not shadow ours."""
    spec = importlib.util.spec_from_file_location("bench_peers_stats", SOURCE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


stats = load_stats()


def test_median_of_odd_and_even_counts():
    assert stats.median([3, 1, 2]) == 2
    assert stats.median([4, 1, 3, 2]) == 2.5
    assert stats.median([7.5]) == 7.5


def test_median_ignores_one_bad_round():
    assert stats.median([1.0, 1.1, 1.2, 1.1, 900.0]) == 1.1


def test_nothing_has_no_median():
    with pytest.raises(ValueError):
        stats.median([])
    with pytest.raises(ValueError):
        stats.quantile([], 0.5)


def test_quantile_interpolates_and_reaches_both_ends():
    values = [0.0, 10.0, 20.0, 30.0, 40.0]
    assert stats.quantile(values, 0.0) == 0.0
    assert stats.quantile(values, 1.0) == 40.0
    assert stats.quantile(values, 0.5) == 20.0
    assert stats.quantile(values, 0.125) == pytest.approx(5.0)


def test_bootstrap_of_equal_values_is_a_point():
    interval = stats.bootstrap([1.25] * 15, resamples=200)
    assert (interval.low, interval.median, interval.high) == (1.25, 1.25, 1.25)


def test_bootstrap_lies_around_the_median_and_repeats_itself():
    values = [1.0 + 0.01 * number for number in range(15)]
    interval = stats.bootstrap(values, seed=5, resamples=2000)
    assert values[0] <= interval.low < interval.median < interval.high <= values[-1]
    assert interval.median == stats.median(values)
    assert interval == stats.bootstrap(values, seed=5, resamples=2000)


def test_bootstrap_shrinks_with_more_rounds():
    rng = random.Random(3)
    values = [rng.gauss(1.0, 0.1) for _ in range(120)]
    few = stats.bootstrap(values[:15], resamples=1000)
    many = stats.bootstrap(values, resamples=1000)
    assert many.high - many.low < few.high - few.low


def test_bootstrap_covers_the_true_median_about_as_often_as_it_says():
    rng = random.Random(11)
    covered = 0
    for run in range(200):
        interval = stats.bootstrap([rng.gauss(1.0, 0.2) for _ in range(15)], run, resamples=300)
        covered += interval.low <= 1.0 <= interval.high
    assert 175 <= covered  # 95 % of 200 is 190; five standard errors below is 174.6


def test_ratios_are_paired_and_leave_void_rounds_out():
    ratios = stats.paired_ratios([2.0, None, 6.0, 8.0], [1.0, 1.0, None, 2.0])
    assert ratios == [2.0, 4.0]


def test_pairing_cancels_noise_that_both_share():
    noise = [1.0, 3.0, 0.5, 2.0, 7.0]
    ratios = stats.paired_ratios([1.2 * value for value in noise], noise)
    interval = stats.bootstrap(ratios, resamples=200)
    assert interval.low == pytest.approx(1.2)
    assert interval.high == pytest.approx(1.2)


def test_rounds_that_do_not_match_are_refused():
    with pytest.raises(ValueError):
        stats.paired_ratios([1.0, 2.0], [1.0])
    with pytest.raises(ValueError):
        stats.paired_differences([1.0, 2.0], [1.0])


def test_differences_are_paired_and_leave_void_rounds_out():
    differences = stats.paired_differences([2.0, None, 6.0, 8.0], [1.0, 1.0, None, 0.0])
    assert differences == [1.0, 8.0]


@pytest.mark.parametrize("low, high, said", [
    (0.90, 1.05, "met"),
    (0.90, 1.10, "met"),
    (0.90, 1.11, "open"),
    (1.10, 1.30, "open"),
    (1.11, 1.30, "missed"),
])
def test_a_target_is_met_or_missed_by_the_whole_interval(low, high, said):
    assert stats.verdict(stats.Interval((low + high) / 2, low, high), 1.10) == said
