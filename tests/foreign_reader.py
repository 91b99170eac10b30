#!/usr/bin/env python3
"""Reads a lake with ClickHouse (package `chdb`) and compares counts and sums with `ambit sql`.

usage: foreign_reader.py AMBIT LAKE

The lake promises to be a Delta table that any engine reads. Both readers of ClickHouse are asked: its
own, which shares no code with Ambit, and the one that it takes from delta-kernel-rs.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import chdb

# Per source: how many events, over which time, and sums over whole, sparse and text columns.
SUMS = {
    "events": "count(*)",
    "first": "min(time_ns)",
    "last": "max(time_ns)",
    "offsets": "sum(record_offset)",
    "lengths": "sum(record_length)",
    "bytes_out": "coalesce(sum(traffic_bytes_out), 0)",
    "texts": "coalesce(sum(length(resource_name)), 0)",
    "addresses": "count(distinct src_endpoint_ip)",
    "ids": "count(distinct id)",
    "days": "count(distinct day)",
}


def question(table: str, condition: str) -> str:
    columns = ", ".join(f"{sum_} as {name}" for name, sum_ in SUMS.items())
    return f"select source, {columns} from {table} where {condition} group by source order by source"


def rows_by_ambit(ambit: str, lake: Path) -> list[list[str]]:
    statement = question("events", "1 = 1")
    out = subprocess.run(
        [ambit, "--lake", str(lake), "--json", "sql", statement], check=True, capture_output=True, text=True
    )
    return json.loads(out.stdout)["rows"]


def rows_by_clickhouse(lake: Path, kernel: int) -> list[list[str]]:
    table = f"deltaLakeLocal('{lake / 'events'}')"
    # `length` counts bytes there and characters here.
    statement = question(table, "kind = 'event'").replace("length(resource_name)", "lengthUTF8(resource_name)")
    # The table says the nanoseconds where the microseconds are not all.
    statement = statement.replace("(time_ns)", "(coalesce(time_ns, toUnixTimestamp64Micro(time) * 1000))")
    answer = chdb.query(f"{statement} settings allow_experimental_delta_kernel_rs = {kernel}", "JSONCompactStrings")
    return json.loads(str(answer))["data"]


def main() -> int:
    ambit, lake = sys.argv[1], Path(sys.argv[2]).resolve()
    ours = [[str(cell) for cell in row] for row in rows_by_ambit(ambit, lake)]
    if not ours:
        print("the lake holds no events: nothing was compared")
        return 1
    os.chdir(lake)  # ClickHouse reads files below the working folder only.
    for kernel, name in ((0, "ClickHouse's own reader"), (1, "delta-kernel-rs in ClickHouse")):
        theirs = rows_by_clickhouse(lake, kernel)
        if ours != theirs:
            print(f"{name} disagrees", "ambit:", *ours, "other:", *theirs, sep="\n  ")
            return 1
        n_events = sum(int(row[1]) for row in ours)
        print(f"{name}: {n_events} events of {len(ours)} sources agree in {len(SUMS)} sums each")
    return 0


if __name__ == "__main__":
    sys.exit(main())
