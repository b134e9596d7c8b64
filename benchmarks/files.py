"""Import of a large file of stock: rows per second of preview and of apply, and the memory of the command, on SQLite and PostgreSQL; then the same file
with one bad row in a hundred, which must lose nothing and name each.

Run it with `make bench` or `python benchmarks/files.py --rows 100000`; a table goes to standard error, the last line is JSON.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select, text

from channelsync.cli.store import StoreAt
from channelsync.ledger.database import open_database
from channelsync.ledger.schema import locations, skus, stock_levels
from channelsync.testing.postgres import PostgresServer, available

CONFIG: Final = """
[store]
id = "bench"
database = "{url}"
"""
EVERY: Final = 100
"""One row in so many is bad."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--engines", nargs="*", default=["sqlite", "postgresql"])
    options.add_argument("--json", type=Path, help="write the figures to this file, too")
    given = options.parse_args()
    figures = [each for engine in given.engines if engine != "postgresql" or available() for each in measured(engine, given.rows)]
    show(figures)
    line = json.dumps({"rows": given.rows, "figures": figures})
    if given.json:
        given.json.write_text(line + "\n")
    sys.stdout.write(line + "\n")


def measured(engine: str, rows: int) -> Iterator[dict[str, Any]]:
    """A ledger that is opened by the file, counted anew by a second one, and once more by one with bad rows."""
    with tempfile.TemporaryDirectory() as name, database(engine, Path(name)) as url:
        folder = Path(name)
        config = folder / "bench.toml"
        config.touch(mode=0o600)
        config.write_text(CONFIG.format(url=url))
        command(folder, "db", "upgrade")
        command(folder, "sync")
        source = random.Random(1)
        for what, spoiled in (("opening", False), ("recount", False), ("recount, 1 % bad", True)):
            numbers = {f"SKU-{number:06}": source.randrange(1, 500) for number in range(rows)}
            file, bad = write(folder / f"{what.replace(' ', '-')}.csv", numbers, spoiled=spoiled)
            before = sums(config)
            about = {"engine": engine, "file": what, "rows": rows}
            seen, seconds, peak = timed(folder, "import", "stock", str(file), "--json")
            prove(seen, rows, bad, config, numbers, before)
            yield figure(about, "preview", seen, seconds, peak)
            done, both, peak = timed(folder, "import", "stock", str(file), "--json", "--apply")
            prove(done, rows, bad, config, numbers, None)
            yield figure(about, "apply", done, both - seconds, peak)  # it previews first: what comes on top is the applying


def figure(about: dict[str, Any], step: str, told: dict[str, Any], seconds: float, peak: int) -> dict[str, Any]:
    speed = round(about["rows"] / max(seconds, 0.001))  # of a small file the difference drowns in the noise
    return {**about, "step": step, "bad": told["bad"], "seconds": round(seconds, 1), "rows_per_second": speed, "peak_mib": peak}


def write(file: Path, numbers: dict[str, int], *, spoiled: bool) -> tuple[Path, dict[int, str]]:
    """The file, and its bad rows by line: each is spoiled in one of four ways."""
    spoils = (("main", "many"), ("moon", "7"), ("main", "1,5"), ("main", "-3"))
    bad: dict[int, str] = {}
    with file.open("w", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(["sku", "location", "on_hand"])
        for line, (sku, units) in enumerate(numbers.items(), 2):
            spoil = spoiled and line % EVERY == 0
            if spoil:
                bad[line] = sku
            lines.writerow([sku, *(spoils[line // EVERY % len(spoils)] if spoil else ("main", units))])
    return file, bad


def prove(told: dict[str, Any], rows: int, bad: dict[int, str], config: Path, numbers: dict[str, int], before: int | None) -> None:
    """Every row is accounted for, every bad one named; and the ledger holds exactly what the good ones say (before: what it must still hold)."""
    assert told["rows"] == rows, told["rows"]
    assert {each["line"] for each in told["problems"]} == set(bad), "each bad row is named, and no other"
    found = sums(config)
    if before is not None:
        assert found == before, "a preview changes nothing"
        return
    assert told["new"] + told["changed"] + told["unchanged"] + told["bad"] == rows
    missed = stored(config)
    spoiled = set(bad.values())
    wrong = [sku for sku, units in numbers.items() if sku not in spoiled and missed.get(sku) != units]
    assert not wrong, f"{len(wrong)} good rows are not in the ledger: {wrong[:3]}"
    if bad:
        with Path(told["rejects"]).open(newline="") as stream:
            assert {row["sku"] for row in csv.DictReader(stream)} == spoiled, "every bad row is kept"


def stored(config: Path) -> dict[str, int]:
    query = select(skus.c.sku, stock_levels.c.on_hand).join(skus, skus.c.id == stock_levels.c.sku_id)
    main_only = query.join(locations, locations.c.id == stock_levels.c.location_id).where(locations.c.code == "main")
    return StoreAt(config).read(lambda conn: {row[0]: row[1] for row in conn.execute(main_only)})


def sums(config: Path) -> int:
    return StoreAt(config).read(lambda conn: int(conn.scalar(select(func.coalesce(func.sum(stock_levels.c.on_hand), 0))) or 0))


def command(folder: Path, *arguments: str) -> None:
    timed(folder, *arguments, parse=False)


def timed(folder: Path, *arguments: str, parse: bool = True) -> tuple[dict[str, Any], float, int]:
    """What the command said, its seconds from start to end, and the most memory it had (MiB)."""
    began = time.perf_counter()
    wanted = [sys.executable, "-c", "from channelsync.cli import main; main()", *arguments, "-c", str(folder / "bench.toml")]
    with (folder / "out.json").open("w+b") as out:
        process = subprocess.Popen(wanted, stdout=out, cwd=folder)  # noqa: S603 - ourselves
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read().decode()
    assert process.returncode in {0, 1}, f"{arguments} ended with {process.returncode}"
    told: dict[str, Any] = json.loads(said) if parse else {}
    return told, time.perf_counter() - began, usage.ru_maxrss // 1024


@contextmanager
def database(engine: str, folder: Path) -> Iterator[str]:
    """The URL of an empty one that forgets nothing."""
    if engine == "sqlite":
        yield f"sqlite:///{folder}/bench.db"
        return
    server = PostgresServer(durable=True)
    server.start()
    try:
        url = server.create_database("bench")
        with statistics_gathered(url):
            yield url
    finally:
        server.stop()


@contextmanager
def statistics_gathered(url: str) -> Iterator[None]:
    """Once a minute, as PostgreSQL does it by itself: a server for tests never does, and goes on reading a grown table as if it were empty."""
    over, admin = threading.Event(), open_database(url)

    def gather() -> None:
        while not over.wait(60.0):
            with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
                conn.execute(text("ANALYZE"))

    thread = threading.Thread(target=gather)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        admin.dispose()


def show(figures: list[dict[str, Any]]) -> None:
    sys.stderr.write(f"{'engine':12}{'file':20}{'step':10}{'seconds':>9}{'rows/s':>9}{'MiB':>6}{'bad':>7}\n")
    for each in figures:
        line = f"{each['engine']:12}{each['file']:20}{each['step']:10}{each['seconds']:>9}{each['rows_per_second']:>9}{each['peak_mib']:>6}"
        sys.stderr.write(f"{line}{each['bad']:>7}\n")


if __name__ == "__main__":
    main()
