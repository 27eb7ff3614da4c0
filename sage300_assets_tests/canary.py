"""A secret that is easy to recognise, in every form in which it might slip out, and the places where one looks for it."""

from __future__ import annotations

import base64
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

import pyarrow as pa

from sage300_assets_tests.house import files_below

_ENDS = "/?@%\"'\r\n"


@dataclass(frozen=True)
class Canary:
    """A secret with everything in it that programs trip over; `mark` makes it unlike any other."""

    mark: str
    user: str = "CANARYUSER"

    @property
    def secret(self) -> str:
        """The whole secret."""
        return f"CANARY{self.mark}{_ENDS}LINE{self.mark}"

    @property
    def parts(self) -> tuple[str, ...]:
        """What is enough to recognise it by, even if something between is masked or cut."""
        return f"CANARY{self.mark}", f"LINE{self.mark}"

    def needles(self) -> frozenset[bytes]:
        """Every form: as it is (which is also how URLs and JSON show its letters), and as base64 alone and in a Basic header."""
        found = {part.encode() for part in self.parts} | {part.lower().encode() for part in self.parts}
        found |= {
            form.encode() for form in (quote(self.secret, safe=""), quote_plus(self.secret), json.dumps(self.secret)[1:-1], repr(self.secret)[1:-1])
        }
        found.add(base64.b64encode(f"{self.user}:{self.secret}".encode())[-24:-4])
        for before in range(3):  # base64 looks different in each of three positions
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                found.add(encode(b"x" * before + self.parts[0].encode())[4:-4])
        found |= {part.encode("utf-16-le") for part in self.parts}
        return frozenset(found)

    def leaks(self, content: bytes | str) -> list[bytes]:
        """The forms that are in it."""
        haystack = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
        return [needle for needle in sorted(self.needles()) if needle in haystack]


def chain_of(problem: BaseException) -> str:
    """Everything an exception holds, and everything it came from, whether a traceback would show that or not."""
    seen: list[str] = []
    todo: list[BaseException | None] = [problem]
    known: set[int] = set()
    while todo:
        one = todo.pop()
        if one is None or id(one) in known:
            continue
        known.add(id(one))
        seen += [str(one), repr(one), repr(one.args), repr(vars(one)), repr(getattr(one, "__notes__", ""))]
        todo += [one.__cause__, one.__context__, *(one.exceptions if isinstance(one, BaseExceptionGroup) else ())]
    return "\n".join(seen)


def files_with(canary: Canary, *folders: Path) -> list[str]:
    """Files that hold it, also in their names and within what is compressed."""
    return [str(file) for folder in folders for file in files_below(folder) if canary.leaks(str(file)) or any(map(canary.leaks, _contents(file)))]


def _contents(file: Path) -> Iterator[bytes]:
    if not file.is_file():  # a socket
        return
    content = file.read_bytes()
    yield content
    if file.suffix == ".parquet":
        import pyarrow.parquet as pq  # noqa: PLC0415 - only where there is such a file

        yield str(pq.read_table(file).to_pylist()).encode("utf-8", "backslashreplace")
    elif file.suffix == ".pages":
        yield from _frames(content)
    elif content[:2] == b"\x1f\x8b":
        yield zlib.decompress(content, wbits=31)


def _frames(content: bytes) -> Iterator[bytes]:
    """What is in frames of zstd that follow each other."""
    magic = b"\x28\xb5\x2f\xfd"
    for frame in content.split(magic)[1:]:
        with pa.CompressedInputStream(pa.BufferReader(magic + frame), "zstd") as stream:
            yield stream.read()


def processes_with(canary: Canary) -> list[str]:
    """Processes that show it to everybody, in what they were started with."""
    return [command.decode("utf-8", "replace") for command in _command_lines() if canary.leaks(command)]


def _command_lines() -> Iterable[bytes]:
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and process.name != str(os.getpid()):
            try:
                yield (process / "cmdline").read_bytes()
            except OSError:  # it ended meanwhile
                continue
