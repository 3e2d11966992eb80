"""Turns measurements into records (JSON) and records into tables (a terminal)."""

from dataclasses import asdict
from typing import Dict, List, Optional, Sequence

import checking
import stats
from idle import Idle
from speed import ALONE, Key, Series
from syscalls import Count
from workloads import BEST, Workload

SUBJECT = "sluice"  # targets bind this server; the others are shown beside it
NO_PEERS = (SUBJECT, "floor", "splice", ALONE)
FLUSH_LEFT = ("server", "case", "which", "verdict")


def speed_records(workload: Workload, series: Dict[Key, Series]) -> List[dict]:
    """One record per cell."""
    return [_cell_record(workload, one, series) for one in series.values()]


def _cell_record(workload: Workload, one: Series, series: Dict[Key, Series]) -> dict:
    valid = [sample for sample in one.samples if sample is not None]
    record = {
        "workload": workload.name, "title": workload.title, "server": one.cell.server,
        "variant": one.cell.variant.name, "rounds": len(valid),
        "void": len(one.samples) - len(valid), "complaints": one.complaints,
        "samples": [None if sample is None else asdict(sample) for sample in one.samples],
    }
    for figure in ("per_second", "p50", "p99", "cpu_microseconds", "busy"):
        values = [value for value in one.values(figure) if value is not None]
        record[figure] = stats.median(values) if values else None
    return record | _comparison(workload, one, series)


def _comparison(workload: Workload, one: Series, series: Dict[Key, Series]) -> dict:
    key = _resolve(one.cell.reference(), workload, series)
    beside = _beside(workload, one, series)
    if key is None or key not in series:
        return {"reference": None, "ratio": None, "target": None, "verdict": None} | beside
    ratio = _ratio(one, series[key], workload.figure)
    bound = one.cell.server == SUBJECT
    target = workload.target_of(one.cell.variant)
    return {
        "reference": f"{key[0]} {key[1]}", "ratio": ratio,
        "target": target if bound else None,
        "verdict": _verdict(ratio, target) if bound else None,
    } | beside


def _resolve(key: Optional[Key], workload: Workload, series: Dict[Key, Series]) -> Optional[Key]:
    """Puts a name to the best peer: the one whose median over all rounds is the least. Choosing it
    round by round would compare with luck."""
    if key is None or key[0] != BEST:
        return key
    found = {other: stats.median(known) for other, one in series.items()
             if other[0] not in NO_PEERS and other[1] == key[1]
             and (known := [value for value in one.values(workload.figure) if value is not None])}
    return min(found, key=found.get, default=None)


def _beside(workload: Workload, one: Series, series: Dict[Key, Series]) -> dict:
    """A proxy is shown beside both the floor and the best peer, whichever its target is about."""
    if not one.cell.variant.proxied:
        return {}
    found = {}
    for name, key in (("times_floor", ("floor", one.cell.variant.name)),
                      ("times_best", (BEST, one.cell.variant.name))):
        other = series.get(_resolve(key, workload, series))
        found[name] = _ratio(one, other, workload.figure) if other else None
    return found


def _verdict(ratio: Optional[dict], target: float) -> str:
    return stats.verdict(_interval(ratio), target) if ratio else "void"


def _ratio(one: Series, other: Series, figure: str) -> Optional[dict]:
    """A figure (CPU per request, mostly) of one over the other's, round by round."""
    ratios = stats.paired_ratios(one.values(figure), other.values(figure))
    return asdict(stats.bootstrap(ratios)) | {"rounds": len(ratios)} if ratios else None


def _interval(ratio: dict) -> stats.Interval:
    return stats.Interval(ratio["median"], ratio["low"], ratio["high"])


def peer_records(workload: Workload, series: Dict[Key, Series]) -> List[dict]:
    """Sluice over each peer: ahead when the whole interval lies below 1."""
    records = []
    for (server, variant), other in series.items():
        subject = series.get((SUBJECT, variant))
        if subject is None or server in NO_PEERS:
            continue
        ratio = _ratio(subject, other, workload.figure)
        if ratio:
            records.append({"workload": workload.name, "variant": variant, "peer": server,
                            "ratio": ratio, "ahead": ratio["high"] < 1})
    return records


def alone_records(workload: Workload, series: Dict[Key, Series]) -> List[dict]:
    """What each server's CPU per request is beyond OpenSSL's own part, round by round, where the
    workload bounds that."""
    if workload.beyond_alone is None:
        return []
    records = []
    for (server, variant), one in series.items():
        alone = series.get((ALONE, variant))
        if alone is not None and server != ALONE:
            beyond = stats.paired_differences(one.values("cpu_microseconds"),
                                              alone.values("cpu_microseconds"))
            records.append(_alone_record(workload, one, beyond))
    return records


def _alone_record(workload: Workload, one: Series, beyond: List[float]) -> dict:
    interval = stats.bootstrap(beyond) if beyond else None
    bound = one.cell.server == SUBJECT
    judged = stats.verdict(interval, workload.beyond_alone) if interval else "void"
    return {
        "workload": workload.name, "server": one.cell.server, "variant": one.cell.variant.name,
        "microseconds": asdict(interval) if interval else None, "rounds": len(beyond),
        "target": workload.beyond_alone if bound else None, "verdict": judged if bound else None,
    }


def idle_record(idle: Idle) -> dict:
    """Octets per connection; the target binds Sluice."""
    interval = idle.interval()
    bound = idle.server == SUBJECT
    return {
        "title": idle.title, "server": idle.server, "bytes_per_connection": asdict(interval),
        "rss_per_connection": stats.median([growth.rss for growth in idle.repeats]),
        "before": idle.repeats[0].before, "target": idle.target if bound else None,
        "verdict": stats.verdict(interval, idle.target) if bound else None,
        "repeats": [asdict(growth) for growth in idle.repeats],
    }


def check_record(timing: checking.Timing) -> dict:
    """Milliseconds; only Sluice is asked."""
    interval = stats.bootstrap(timing.samples)
    return {
        "case": timing.case, "milliseconds": asdict(interval), "rounds": len(timing.samples),
        "target": checking.TARGET, "verdict": stats.verdict(interval, checking.TARGET),
        "samples": timing.samples,
    }


def syscall_record(count: Count) -> dict:
    """Calls per request; the target binds Sluice."""
    bound = count.server == SUBJECT
    return {
        "server": count.server, "case": count.case.title, "total": round(count.total(), 3),
        "calls": count.calls, "target": count.case.target if bound else None,
        "verdict": count.verdict() if bound else None,
    }


def verdicts(results: dict) -> List[str]:
    """Every verdict of the run."""
    records = results["speed"] + results["alone"] + results["memory"] + results["check"] + results["syscalls"]
    return [record["verdict"] for record in records if record["verdict"]]


def text(results: dict) -> str:
    """The whole report for a person."""
    parts = [_heading(results)]
    parts += [_speed_table(name, results) for name in _workloads(results)]
    if results["alone"]:
        parts.append(_alone_table(results["alone"]))
    for title in dict.fromkeys(record["title"] for record in results["memory"]):
        parts.append(_memory_table([record for record in results["memory"]
                                    if record["title"] == title]))
    if results["check"]:
        parts.append(_check_table(results["check"]))
    if results["syscalls"]:
        parts.append(_syscall_table(results["syscalls"]))
    return "\n\n".join(parts + [_closing(results)])


def _heading(results: dict) -> str:
    machine = results["machine"]
    lines = [f"{machine['cpu']}, {machine['cores']} cores, {machine['kernel']}, "
             f"commit {machine['commit']}, load {machine['load']}"]
    lines += [f"  {name}: {version}" for name, version in results["versions"].items()]
    lines.append("Only ratios within one run count. CPU is the server's, user and kernel, per "
                 "request; [ ] is the 95 % bootstrap interval.")
    return "\n".join(lines)


def _workloads(results: dict) -> List[str]:
    return list(dict.fromkeys(record["workload"] for record in results["speed"]))


def _speed_table(workload: str, results: dict) -> str:
    records = [record for record in results["speed"] if record["workload"] == workload]
    proxied = "times_floor" in records[0]
    compared = ["x floor", "interval", "x best peer", "interval"] if proxied else ["ratio", "interval"]
    rows = [["server", "req/s", "p50 ms", "p99 ms", "CPU us/req", "core", *compared,
             "target", "verdict", "sluice / it"]]
    ahead = {(record["peer"], record["variant"]): record for record in results["peers"]
             if record["workload"] == workload}
    rows += [_speed_row(record, ahead.get((record["server"], record["variant"])))
             for record in records]
    notes = [f"  {len(record['complaints'])} runs of {record['server']} {record['variant']} were "
             f"void, the first because: {record['complaints'][0]}"
             for record in records if record["complaints"]]
    return "\n".join([records[0]["title"], table(rows)] + notes)


def _speed_row(record: dict, against: Optional[dict]) -> List[str]:
    name = record["server"] + ("" if record["variant"] == "plain" else f" {record['variant']}")
    ratio = record["ratio"]
    shown = [record["times_floor"], record["times_best"]] if "times_floor" in record else [ratio]
    if record["per_second"] is None:
        return [name, "void"] + [""] * (7 + 2 * len(shown))
    return [name, f"{record['per_second']:,.0f}", _milliseconds(record["p50"]),
            _milliseconds(record["p99"]),
            f"{record['cpu_microseconds']:.2f}", f"{record['busy']:.0%}",
            *(text for one in shown for text in _ratio_cells(one)),
            f"<= {record['target']:.2f}" if record["target"] else "",
            _judgement(record, ratio), _ahead(against)]


def _ratio_cells(ratio: Optional[dict]) -> List[str]:
    if not ratio:
        return ["", ""]
    return [f"{ratio['median']:.3f}", f"[{ratio['low']:.3f}, {ratio['high']:.3f}]"]


def _milliseconds(microseconds: Optional[float]) -> str:
    return "" if microseconds is None else f"{microseconds / 1000:.2f}"


def _judgement(record: dict, measured: Optional[dict]) -> str:
    """The verdict, and whether enough rounds stand behind what it was measured by."""
    if not record["verdict"] or not measured:
        return ""
    return record["verdict"] + ("" if measured["rounds"] >= stats.FULL_ROUNDS else " (few rounds)")


def _ahead(against: Optional[dict]) -> str:
    if not against:
        return ""
    word = "ahead" if against["ahead"] else "not ahead"
    return f"{against['ratio']['median']:.3f} {word}"


def _alone_table(records: Sequence[dict]) -> str:
    rows = [["server", "us", "interval", "target", "verdict"]]
    for record in records:
        beyond = record["microseconds"]
        rows.append([f"{record['server']} {record['variant']}",
                     f"{beyond['median']:.0f}" if beyond else "void",
                     f"[{beyond['low']:.0f}, {beyond['high']:.0f}]" if beyond else "",
                     f"<= {record['target']:.0f}" if record["target"] else "",
                     _judgement(record, record)])
    return f"CPU per request beyond {ALONE} (OpenSSL's own part, in process)\n" + table(rows)


def _memory_table(records: Sequence[dict]) -> str:
    rows = [["server", "bytes/connection", "least..greatest", "by RSS", "held before", "target",
             "verdict"]]
    for record in records:
        grown = record["bytes_per_connection"]
        rows.append([record["server"], f"{grown['median']:,.0f}",
                     f"{grown['low']:,.0f}..{grown['high']:,.0f}",
                     f"{record['rss_per_connection']:,.0f}",
                     f"{record['before'] / 1024:,.0f} KiB",
                     f"<= {record['target']:,.0f}" if record["target"] else "",
                     record["verdict"] or ""])
    return records[0]["title"] + "\n" + table(rows)


def _check_table(records: Sequence[dict]) -> str:
    rows = [["case", "ms", "interval", "target", "verdict"]]
    for record in records:
        spent = record["milliseconds"]
        rows.append([record["case"], f"{spent['median']:.0f}",
                     f"[{spent['low']:.0f}, {spent['high']:.0f}]", f"<= {record['target']:.0f}",
                     _judgement(record, record)])
    return "Wall time of sluice check\n" + table(rows)


def _syscall_table(records: Sequence[dict]) -> str:
    rows = [["server", "case", "calls/request", "target", "verdict", "which"]]
    for record in records:
        often = {name: share for name, share in record["calls"].items() if share >= 0.05}
        which = ", ".join(f"{name} {share:.2f}" for name, share in
                          sorted(often.items(), key=lambda item: -item[1]))
        rows.append([record["server"], record["case"], f"{record['total']:.2f}",
                     f"<= {record['target']}" if record["target"] else "",
                     record["verdict"] or "", which])
    return "System calls per keep-alive request, one connection (strace)\n" + table(rows)


def _closing(results: dict) -> str:
    said = verdicts(results)
    behind = [f"{record['workload']}/{record['peer']}" for record in results["peers"]
              if not record["ahead"]]
    lines = [f"{said.count('met')} targets met, {said.count('missed')} missed, "
             f"{said.count('open')} open, {said.count('void')} void"]
    if behind:
        lines.append("not ahead of: " + ", ".join(behind))
    lines += [f"NOT MEASURED: {error}" for error in results["errors"]]
    return "\n".join(lines)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; names and lists flush left, figures flush right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if rows[0][column] in FLUSH_LEFT else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)
