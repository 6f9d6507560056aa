"""How do measurements get into docs/performance.md? As tables, made from what `run.py` printed.

python bench/table.py build/bench.json    keep it as bench/results.json, and write the tables
python bench/table.py --check             whether the tables are those of bench/results.json
"""

import argparse
import itertools
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).with_name("results.json")
PAGE = _ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- made by bench/table.py -->\n", "<!-- to here -->\n"

_CHECKS = {"steady_xml": "XML", "steady_json": "JSON 3.1", "steady_xml_cup": "XML, signed (CUP)"}
_PAGES = {
    "plain": "JSON", "table": "table", "table_of_a_group": "table, one group", "table_of_a_version": "table, one version",
    "table_of_a_label": "table, by a label that a third has", "table_of_nobody": "table, by a label that nobody has",
}  # fmt: skip
_DATABASES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
_REFUSED = {"rate_limited": "RateLimited", "not_in_cohort": "NotInCohort"}
_GRANTING = {"store": "the store alone", "service": "the whole service"}
_FLEET, _EVERY_SECONDS = 1_000_000, 45 * 60


def main() -> None:
    """Write the tables, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("measured", type=Path, nargs="?", help="the document that run.py printed")
    what.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if options.check:
        page = PAGE.read_text()
        if page != _with_tables(page, json.loads(RESULTS.read_text())):
            sys.exit(f"{PAGE.relative_to(_ROOT)} isn't up to date: run python bench/table.py bench/results.json")
        return
    measured = json.loads(options.measured.read_text())
    page = _with_tables(PAGE.read_text(), measured)
    if options.measured.resolve() != RESULTS:
        shutil.copyfile(options.measured, RESULTS)
    PAGE.write_text(page)


def _with_tables(page: str, measured: dict[str, Any]) -> str:
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{PAGE.relative_to(_ROOT)} has no place for the tables")
    return before + begin + "\n" + "\n".join(_tables(measured)) + "\n" + end + after


def _tables(measured: dict[str, Any]) -> list[str]:
    lines = [
        _machine(measured["machine"], measured["extent"]),
        "",
        *_costs(measured),
        "",
        *_latencies(measured),
        "",
        *_sizes(measured),
        "",
        *_pages(measured["fleet_pages"]),
        "",
        _kubectl(measured["fleet_pages"]),
    ]
    for part, told in (("denied", _denied), ("grants", _grants), ("start_up", _starts), ("operator", _operator)):
        if part in measured:
            lines += ["", *told(measured[part])]
    return lines


def _machine(machine: dict[str, Any], extent: dict[str, Any]) -> str:
    versions = ", ".join(
        f"{name} {machine[name]}" for name in ("uvicorn", "uvloop", "httptools", "lxml", "cryptography")
    )
    return (
        f"Measured on {machine['processors']} cores of an {machine['processor']}, {machine['system']}, Python {machine['python']}, "
        f"SQLite {machine['sqlite']}, {versions}, wrk {machine['wrk']}; {extent['pairs']} pairs of {extent['seconds']} s, "
        f"{extent['groups']:,} groups, {extent['instances']:,} instances. Each number is the median, with the quartiles in brackets."
    )


def _costs(measured: dict[str, Any]) -> list[str]:
    rows = [
        (
            name,
            _quartiles(part["cpu_ratio_quartiles"]),
            _quartiles(part["cpu_us_per_check"], 0),
            _quartiles(part["empty_cpu_us_per_request"], 0),
            _quartiles(part["requests_per_second"], 0),
            f"{part['store_calls_by_checks']}",
        )
        for name, part in _checks(measured)
    ]
    return _table(
        ("steady check", "CPU, empty server = 1", "CPU-µs", "of the empty server", "checks/s", "store calls"), rows
    )


def _latencies(measured: dict[str, Any]) -> list[str]:
    rows = [
        (
            name,
            f"{part['open_loop']['requests_per_second']:,}",
            _quartiles(part["open_loop"]["p50_ms_quartiles"]),
            _quartiles(part["open_loop"]["p99_ms_quartiles"]),
            _quartiles(part["empty_open_loop"]["p50_ms_quartiles"]),
            _quartiles(part["empty_open_loop"]["p99_ms_quartiles"]),
        )
        for name, part in _checks(measured)
    ]
    return _table(("at half of capacity", "checks/s", "p50 ms", "p99 ms", "empty: p50 ms", "empty: p99 ms"), rows)


def _sizes(measured: dict[str, Any]) -> list[str]:
    written = measured["last_seen"]["cpu_us_per_instance"]["median"]
    per_second = _FLEET / _EVERY_SECONDS
    rows = []
    for name, part in _checks(measured):
        answered = part["cpu_us_per_check"]["median"]
        both = answered + written
        rows.append(
            (name, f"{answered:.0f}", f"{written:.0f}", f"{1e6 / both:,.0f}", f"{per_second * both / 1e4:.1f} %")
        )
    fleet = f"a core for {_FLEET:,} instances, {per_second:.0f} checks/s"
    return _table(
        ("each instance seldom", "CPU-µs answering", "CPU-µs writing last-seen", "checks/s a core", fleet), rows
    )


def _pages(part: dict[str, Any]) -> list[str]:
    rows = [
        (
            name,
            _quartiles(part["pages"][key]["objects"], 0),
            _quartiles(part["pages"][key]["milliseconds"], 1),
            f"{part['pages'][key]['milliseconds']['p99']:.1f}",
            _quartiles(part["pages"][key]["cpu_milliseconds"], 1),
        )
        for key, name in _PAGES.items()
    ]
    heading = f"a page of {part['page']} out of {part['instances']:,} instances"
    return _table((heading, "objects", "ms", "p99 ms", "CPU-ms"), rows)


def _kubectl(part: dict[str, Any]) -> str:
    got = part.get("kubectl_get")
    if got is None:
        return "kubectl wasn't measured."
    return (
        f"`kubectl get instances` of {got['instances']:,} takes {_quartiles(got['seconds'], 1)} s at once, "
        f"{_quartiles(got['seconds_in_pages'], 1)} s in pages, and {_quartiles(got['seconds_for_none'], 1)} s when it selects none."
    )


def _denied(part: dict[str, Any]) -> list[str]:
    rows = []
    for (key, name), (why, reason) in itertools.product(_DATABASES.items(), _REFUSED.items()):
        for waiting, told in ((part[key] or {}).get(why) or {}).items():
            to_fewest = _quartiles(told["ratio_to_fewest"]) if "ratio_to_fewest" in told else "1"
            rows.append(
                (
                    f"{reason}, {name}",
                    f"{int(waiting):,}",
                    _quartiles(told["cpu_us_per_check"], 0),
                    to_fewest,
                    _quartiles(told["ratio_to_empty"]),
                )
            )
    return _table(("refused check", "waiting", "CPU-µs", "CPU, fewest waiting = 1", "CPU, empty server = 1"), rows)


def _grants(part: dict[str, Any]) -> list[str]:
    rows = [
        (
            f"{who}, {name}",
            _quartiles(part[key][asked]["grants_per_second"], 0),
            _quartiles(part[key][asked]["cpu_us_per_grant"], 0),
            _quartiles(part[key][asked]["database_cpu_us_per_grant"], 0),
        )
        for (key, name), (asked, who) in itertools.product(_DATABASES.items(), _GRANTING.items())
        if part[key] is not None
    ]
    return _table(
        (f"grants, {part['together']} asking at once", "grants/s", "CPU-µs", "of the database's processes"), rows
    )


def _starts(part: dict[str, Any]) -> list[str]:
    rows = [
        (name, _quartiles(part["ready"][key]["seconds"], 1), _quartiles(part["ready"][key]["megabytes"], 0))
        for key, name in _DATABASES.items()
        if part["ready"][key] is not None
    ]
    heading = f"start with {part['instances']:,} instances, {part['in_flight']:,} updates in flight"
    return [*_table((heading, "seconds until ready", "MB then"), rows), "", _memory(part)]


def _memory(part: dict[str, Any]) -> str:
    told = [
        f"{each['bytes_per_instance']} bytes each where there are {int(count):,} ({each['megabytes']:,} MB in all)"
        for count, each in part["memory"].items()
    ]
    return f"Instances that have been heard take {', '.join(told)}."


def _operator(part: dict[str, Any]) -> list[str]:
    rows = [
        (
            f"start, {part['groups']:,} Groups, nothing changed",
            _quartiles(part["cold_start_seconds"], 1),
            _quartiles(part["cold_start_cpu_seconds"], 1),
            f"{part['cold_start_writes']}",
        ),
        (
            f"promotion, {part['promoted_groups']:,} Groups follow the Channel",
            _quartiles(part["promotion_seconds"], 1),
            _quartiles(part["promotion_cpu_seconds"], 1),
            _quartiles(part["promotion_writes"], 0),
        ),
    ]
    return _table(("operator", "seconds", "CPU-seconds", "statuses written"), rows)


def _checks(measured: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, measured[part]) for part, name in _CHECKS.items()]


def _quartiles(told: dict[str, float], digits: int = 2) -> str:
    middle, low, high = (f"{told[name]:,.{digits}f}" for name in ("median", "q1", "q3"))
    return middle if low == high else f"{middle} ({low}–{high})"


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [heading, ["---"] + ["---:"] * (len(heading) - 1), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


if __name__ == "__main__":
    main()
