"""The readers that are compared, one per process: `python -m sage300_assets_tests.benchmarks.readers NAME URL FOLDER`.

ours    the whole way: windows, landing, proof, Parquet, publication
plain   our client, page after page along the server's links, decoded and let go: the cheapest read of a year
bare    the yardstick: fetch, decode to exact Arrow, write Parquet; one loop and nothing else
evidence   ours, without and with the evidence of it in a ledger, in turn
verify-...  fill a ledger and verify it
dlt     dlt's rest_api source into DuckDB by way of Parquet, its fastest way
dlt-default  the same with dlt's own choice, INSERT statements
"""

from __future__ import annotations

import importlib
import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import duckdb
import httpx
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import json as arrow_json

from sage300_assets.base.audit import UNRECORDED, ApiCall, Behalf, told_to
from sage300_assets.base.settings import Settings, load_settings
from sage300_assets.base.transport import Call
from sage300_assets.catalogue.types import Field, Kind
from sage300_assets.intake.load import load
from sage300_assets.intake.order import Order
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.chain import append
from sage300_assets.ledger.keeper import Keeper
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.verify import verify
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets.systems.sage300.odata import query
from sage300_assets_tests.benchmarks.invoices import COMPANY, INVOICES, YEAR
from sage300_assets_tests.benchmarks.peak import peak_mib

_TURNS = 15
USER, PASSWORD = "WEBAPI", "SIMULATED"
Measured = dict[str, float]


def ours(url: str, folder: Path) -> Measured:
    settings = _settings(url, folder)
    calls: list[Call] = []
    assert YEAR.end is not None
    with Sage300Client(settings, COMPANY, on_call=calls.append) as client:
        loaded = load(Order(COMPANY, INVOICES, YEAR), client, Lake.of(settings), today=YEAR.end)
    assert loaded.publication is not None
    lines = sum(f.rows for f in loaded.publication.files if f.table == INVOICES.tables[1].name)
    return {"records": loaded.publication.source_rows, "lines": lines, "calls": len(calls)}


def evidence(url: str, folder: Path) -> Measured:
    """The same load without and with a ledger, in turn, in one process: what else the machine does falls on both."""
    keeper = Keeper(Ledger.at(f"sqlite:///{folder / 'ledger.db'}"), lambda: datetime.now(UTC))
    keeper.ledger.check()  # making its tables happens once in its life
    wall: dict[bool, list[float]] = {False: [], True: []}
    cpu: dict[bool, list[float]] = {False: [], True: []}
    records = 0
    for turn in range(2 * _TURNS + 2):
        recorded = turn % 2 == (turn // 2) % 2  # each goes first as often as the other
        began, used = time.perf_counter(), time.process_time()
        records = _load_once(url, folder / str(turn), f"bench {turn}", keeper if recorded else None)
        if turn > 1:  # the first pair warms up
            wall[recorded].append(time.perf_counter() - began)
            cpu[recorded].append(time.process_time() - used)
    head = keeper.flush()
    assert head is not None
    ratios = {name: statistics.median(figures[True]) / statistics.median(figures[False]) for name, figures in (("wall", wall), ("cpu", cpu))}
    return {"records": records, "entries": head.sequence / (_TURNS + 1), "wall_ratio": ratios["wall"], "cpu_ratio": ratios["cpu"]}


def _load_once(url: str, folder: Path, run: str, keeper: Keeper | None) -> int:
    settings = _settings(url, folder)
    assert YEAR.end is not None
    told = told_to(keeper or UNRECORDED, Behalf(run, COMPANY, "bench", str(YEAR)))
    with Sage300Client(settings, COMPANY, on_call=told) as client, nullcontext() if keeper is None else keeper.part(run, "bench", how="bench"):
        loaded = load(Order(COMPANY, INVOICES, YEAR, run), client, Lake.of(settings), today=YEAR.end, recorder=keeper or UNRECORDED)
    assert loaded.publication is not None
    return loaded.publication.source_rows


def verified(entries: int) -> Callable[[str, Path], Measured]:
    def run(url: str, folder: Path) -> Measured:
        ledger = Ledger.at(f"sqlite:///{folder / 'ledger.db'}")
        now = datetime.now(UTC)
        for start in range(0, entries, 1000):
            some = [ApiCall(now, "sage300", "GET", f"http://host/{start + n}", 200, 1000, 1, run="bench", company=COMPANY) for n in range(1000)]
            with ledger.write() as db:
                append(db, some)
        began = time.perf_counter()
        verdict = verify(ledger)
        assert verdict.broken is None
        return {"entries": verdict.entries, "verify_seconds": time.perf_counter() - began}

    return run


def plain(url: str, folder: Path) -> Measured:
    calls: list[Call] = []
    records = lines = 0
    with Sage300Client(_settings(url, folder), COMPANY, on_call=calls.append) as client:
        contract = client.contract(INVOICES)
        ask: str | None = query(select=contract.select, count=True)
        while ask:
            page = client.page(contract, ask)
            records += page.rows
            lines += page.tables[INVOICES.tables[1].name].num_rows
            ask = page.next_query
    return {"records": records, "lines": lines, "calls": len(calls)}


def bare(url: str, folder: Path) -> Measured:
    [child] = INVOICES.collections
    line = pa.struct([pa.field(f.name, _wire(f)) for f in child.fields])
    record = pa.struct([*(pa.field(f.name, _wire(f)) for f in INVOICES.fields), pa.field(child.member, pa.list_(line))])
    parsing = arrow_json.ParseOptions(explicit_schema=pa.schema([("value", pa.list_(record))]), unexpected_field_behavior="ignore")
    writers: dict[str, pq.ParquetWriter] = {}
    records = lines = calls = 0
    address: str | None = f"{url}/v1.0/-/{COMPANY}/{INVOICES.module}/{INVOICES.resource}"
    with httpx.Client(auth=(USER, PASSWORD), headers={"Content-Type": "application/json"}, timeout=180) as client:
        while address:
            body = client.get(address).raise_for_status().content
            reading = arrow_json.ReadOptions(block_size=len(body) + 64)
            page = arrow_json.read_json(io.BytesIO(body), read_options=reading, parse_options=parsing)
            rows = page["value"].combine_chunks().flatten()
            parents = pc.list_parent_indices(rows.field(child.member))
            inner = pc.list_flatten(rows.field(child.member))
            header = {f.name: _exact(rows.field(f.name), f) for f in INVOICES.fields}
            keys = {name: header[name].take(parents) for name in INVOICES.key}
            tables = {"invoices": pa.table(header), "lines": pa.table({**keys, **{f.name: _exact(inner.field(f.name), f) for f in child.fields}})}
            for name, table in tables.items():
                if name not in writers:
                    writers[name] = pq.ParquetWriter(folder / f"{name}.parquet", table.schema, compression="zstd", compression_level=1)
                writers[name].write_table(table)
            records, lines, calls = records + len(rows), lines + len(inner), calls + 1
            address = _next_link(body)
        for writer in writers.values():
            writer.close()
    return {"records": records, "lines": lines, "calls": calls}


def dlt(url: str, folder: Path) -> Measured:
    return _dlt(url, folder, "parquet")


def dlt_default(url: str, folder: Path) -> Measured:
    return _dlt(url, folder, "insert_values")


def _dlt(url: str, folder: Path, file_format: Literal["parquet", "insert_values"]) -> Measured:
    # Only here, because a machine may lack it.
    from dlt import destinations, pipeline  # noqa: PLC0415
    from dlt.sources.rest_api import rest_api_source  # noqa: PLC0415

    source = rest_api_source({
        "client": {
            "base_url": f"{url}/v1.0/-/{COMPANY}/",
            "auth": {"type": "http_basic", "username": USER, "password": PASSWORD},
            "headers": {"Content-Type": "application/json"},
            "paginator": {"type": "json_link", "next_url_path": "['@odata.nextLink']"},
        },
        "resources": [
            {
                "name": "invoices",
                "primary_key": list(INVOICES.key),
                "endpoint": {"path": f"{INVOICES.module}/{INVOICES.resource}", "data_selector": "value"},
            }
        ],
    })  # fmt: skip
    database = folder / "dlt.duckdb"
    line = pipeline("bench", pipelines_dir=str(folder / "pipelines"), destination=destinations.duckdb(str(database)), dataset_name="bench")
    line.run(source, loader_file_format=file_format).raise_on_failed_jobs()
    with duckdb.connect(str(database)) as connection:
        counts = [connection.execute(f"SELECT count(*) FROM bench.{table}").fetchone() for table in ("invoices", "invoices__invoice_details")]
    records, lines = (row[0] for row in counts if row is not None)
    return {"records": records, "lines": lines, "calls": 0}


_LAZY = {
    "ours": ("httpcore", "pandas"),
    "plain": ("httpcore", "pandas"),
    "bare": ("httpcore", "pandas"),
    "evidence": ("httpcore", "pandas", "sqlalchemy.dialects.sqlite"),
    "verify-small": (),
    "verify-large": (),
    **dict.fromkeys(("dlt", "dlt-default"), ("dlt.sources.rest_api", "pandas")),
}
READERS: dict[str, Callable[[str, Path], Measured]] = {"ours": ours, "plain": plain, "bare": bare, "dlt": dlt, "dlt-default": dlt_default}
READERS |= {"evidence": evidence, "verify-small": verified(20_000), "verify-large": verified(200_000)}


def main() -> None:
    """Run one reader and say what it took."""
    name, url, folder = sys.argv[1:]
    for module in _LAZY[name]:
        importlib.import_module(module)  # what would be imported on the way is no part of what is measured
    began, cpu = time.perf_counter(), time.process_time()
    measured = READERS[name](url, Path(folder))
    seconds = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu, "peak_mib": peak_mib()}
    sys.stdout.write(json.dumps({**measured, **seconds}) + "\n")


def _settings(url: str, folder: Path) -> Settings:
    return load_settings(
        _env_file=None, sage300_url=url, sage300_companies=COMPANY, sage300_username=USER, sage300_password=PASSWORD, lake_url=str(folder / "lake")
    )


def _wire(field: Field) -> pa.DataType:
    kinds = {Kind.INTEGER: pa.int64(), Kind.FLAG: pa.bool_(), Kind.DECIMAL: pa.decimal128(field.type.precision or 1, field.type.scale)}
    return kinds.get(field.type.kind, pa.string())


def _exact(values: pa.Array, field: Field) -> pa.Array:
    return pc.utf8_slice_codeunits(values, 0, 10).cast(pa.date32()) if field.type.kind is Kind.DAY else values


def _next_link(body: bytes) -> str | None:
    place = body.rfind(b'"@odata.nextLink":"', len(body) - 3000)
    return body[place:].split(b'"')[3].decode() if place > 0 else None


if __name__ == "__main__":
    main()
