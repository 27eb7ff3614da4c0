"""A Web API that costs next to nothing, so that what is measured is the reader: `python -m sage300_assets_tests.benchmarks.server`.

It answers truthfully whatever the readers ask: `$metadata`, `$count`, `$filter` on the date, `$select` of the key, `$top`, `$skip`, and links to
the next page. Anything else is refused, so no reader can be measured with an answer that does not fit its question.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from datetime import date
from urllib.parse import parse_qsl, quote, urlsplit

from sage300_assets.base.days import Span
from sage300_assets.catalogue.types import Field, Kind
from sage300_assets_tests.benchmarks.invoices import COMPANY, INVOICES, Year

PATH = f"/Sage300WebApi/v1.0/-/{COMPANY}/{INVOICES.module}"
DATE = "DocumentDate"
_KEY = ",".join(INVOICES.key)
_BOUND = re.compile(rf"{DATE} (ge|lt) (\d{{4}}-\d\d-\d\d)T00:00:00Z")
_EDM = {
    Kind.TEXT: "String",
    Kind.INTEGER: "Int32",
    Kind.FLAG: "Boolean",
    Kind.DAY: "DateTimeOffset",
    Kind.TIME: "DateTimeOffset",
    Kind.DECIMAL: "Decimal",
}


class Refused(Exception):
    """The question is not one this server knows."""


class Library:
    """Answers for one year of invoices."""

    def __init__(self, year: Year, page_size: int) -> None:
        self.year = year
        self.page_size = page_size
        self.host = ""
        self._everything = frozenset([*(f.name for f in INVOICES.fields), *(c.member for c in INVOICES.collections)])

    def answer(self, target: str) -> tuple[bytes, int]:
        """Body and number of rows."""
        url = urlsplit(target)
        if url.path == f"{PATH}/$metadata":
            return _metadata(), 0
        if url.path != f"{PATH}/{INVOICES.resource}":
            raise Refused(url.path)
        return self._page(url.path, dict(parse_qsl(url.query, keep_blank_values=True)))

    def _page(self, path: str, options: dict[str, str]) -> tuple[bytes, int]:
        unknown = options.keys() - {"$filter", "$select", "$top", "$skip", "$count"}
        if unknown:
            raise Refused(f"options {sorted(unknown)}")
        places = self._matches(options.get("$filter", ""))
        only_key = self._only_key(options.get("$select", ""))
        skip, top = int(options.get("$skip", "0")), int(options.get("$top", "0"))
        size = min(top, self.page_size) if top else self.page_size
        page = places[skip : skip + size]
        count = b'"@odata.count":%d,' % len(places) if options.get("$count") == "true" else b""
        link = b""
        if skip + size < len(places) and (not top or top > self.page_size):
            more = {**options, "$skip": str(skip + size)}
            link = f',"@odata.nextLink":"{self.host}{path}?{"&".join(f"{k}={quote(v)}" for k, v in more.items())}"'.encode()
        context = f"{self.host}{path}#{INVOICES.resource}".encode()
        parts = (b'{"@odata.context":"', context, b'",', count, b'"value":[', self.year.render(page, only_key=only_key), b"]", link, b"}")
        return b"".join(parts), len(page)

    def _matches(self, condition: str) -> range:
        if condition == f"{DATE} eq null":
            return range(0)
        bounds: dict[str, date] = {}
        for term in condition.split(" and ") if condition else []:
            bound = _BOUND.fullmatch(term)
            if bound is None or bound[1] in bounds:
                raise Refused(f"filter {condition}")
            bounds[bound[1]] = date.fromisoformat(bound[2])
        return self.year.between(Span(bounds.get("ge"), bounds.get("lt")))

    def _only_key(self, select: str) -> bool:
        if select == _KEY:
            return True
        if select and frozenset(select.split(",")) != self._everything:
            raise Refused(f"select {select}")
        return False


class Connection(asyncio.Protocol):
    """One kept-alive HTTP connection."""

    def __init__(self, library: Library, think_ms: float, think_row_us: float) -> None:
        self._library = library
        self._think = think_ms / 1e3
        self._think_row = think_row_us / 1e6
        self._pending = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while b"\r\n\r\n" in self._pending:
            request, _, self._pending = self._pending.partition(b"\r\n\r\n")
            target = request.split(b" ", 2)[1].decode()
            try:
                body, rows = self._library.answer(target)
                status = b"200 OK"
            except Refused as refusal:
                body, rows = f'{{"error":{{"code":"InvalidParameters","message":"not known here: {refusal}"}}}}'.encode(), 0
                status = b"400 Bad Request"
            kind = b"application/xml" if target.endswith("$metadata") else b"application/json"
            head = b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (status, kind, len(body))
            wait = self._think + self._think_row * rows
            if wait:
                asyncio.get_running_loop().call_later(wait, self._send, head, body)
            else:
                self._send(head, body)

    def _send(self, head: bytes, body: bytes) -> None:
        assert self._transport is not None
        self._transport.write(head)
        self._transport.write(body)


def _metadata() -> bytes:
    """The EDMX document."""
    [child] = INVOICES.collections
    keys = "".join(f'<PropertyRef Name="{name}" />' for name in INVOICES.key)
    members = f'<Property Name="{child.member}" Type="Collection(Bench.Detail)" />'
    return (
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
        '<Schema Namespace="Bench" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
        f'<EntityType Name="Invoice"><Key>{keys}</Key>{_properties(INVOICES.fields)}{members}</EntityType>'
        f'<ComplexType Name="Detail">{_properties(child.fields)}</ComplexType>'
        f'<EntityContainer Name="Container"><EntitySet Name="{INVOICES.resource}" EntityType="Bench.Invoice" /></EntityContainer>'
        "</Schema></edmx:DataServices></edmx:Edmx>"
    ).encode()


def _properties(fields: tuple[Field, ...]) -> str:
    return "".join(f'<Property Name="{f.name}" Type="Edm.{_EDM[f.type.kind]}" />' for f in fields)


async def serve(library: Library, think_ms: float, think_row_us: float) -> None:
    """Serve until the process is ended; the address goes to standard output."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(library, think_ms, think_row_us), "127.0.0.1", 0)
    library.host = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    sys.stdout.write(f"{library.host}/Sage300WebApi\n")
    sys.stdout.flush()
    # Ends with the process that started it, whatever becomes of that one.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve with the sizes from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--page-size", type=int, default=1000)
    parser.add_argument("--think-ms", type=float, default=0.0)
    parser.add_argument("--think-row-us", type=float, default=0.0)
    chosen = parser.parse_args()
    asyncio.run(serve(Library(Year(chosen.records), chosen.page_size), chosen.think_ms, chosen.think_row_us))


if __name__ == "__main__":
    main()
