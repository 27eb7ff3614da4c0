"""Files of a model: announced, put in chunks, completed, and read again by whoever put them."""

from __future__ import annotations

import gzip
import zlib

from sage300_assets.simulators.anaplan import catalogue
from sage300_assets.simulators.anaplan.counter import NUMBER, Ask, Counter, Json, Routes
from sage300_assets.simulators.anaplan.files import StoredFile
from sage300_assets.simulators.anaplan.replies import Refusal, Reply

OCTETS = "application/octet-stream"
LARGEST_CHUNK = 50 * 1024 * 1024


class FileCounter(Counter):
    """Takes files and gives them."""

    def routes(self) -> Routes:
        """What is asked here."""
        return [
            ("GET", r"files", self._files),
            ("POST", r"files/([^/]+)", self._set_chunks),
            ("PUT", r"files/([^/]+)", self._put_file),
            ("GET", r"files/([^/]+)", self._get_file),
            ("DELETE", r"files/([^/]+)", self._delete_file),
            ("PUT", rf"files/([^/]+)/chunks/({NUMBER})", self._put_chunk),
            ("POST", r"files/([^/]+)/complete", self._complete),
            ("GET", r"files/([^/]+)/chunks", self._chunks),
            ("GET", rf"files/([^/]+)/chunks/({NUMBER})", self._chunk),
        ]

    def _file(self, file_id: str) -> StoredFile:
        found = self.hub.files.get(file_id)
        if found is None:
            raise Refusal(404)
        return found

    def _shown(self, file: StoredFile) -> Json:
        return next(f for f in catalogue.files(self.hub) if f["id"] == file.id)

    def _files(self, ask: Ask) -> Reply:
        return self._page(ask, "file", "files", catalogue.files(self.hub))

    def _set_chunks(self, ask: Ask, file_id: str) -> Reply:
        count = ask.object().get("chunkCount")
        if type(count) is not int or count < -1 or count > 1000:
            raise Refusal(400, "chunkCount is not valid")
        file = self.hub.files.get(file_id) or self.hub.create_file(file_id)
        file.begin(ask.user, count)
        payload = self._shown(file)
        if self._faults.take("wrong_file", ask.method, ask.path):
            payload["id"] = "113000000999"
        return self._one("file", "file", payload)

    def _put_file(self, ask: Ask, file_id: str) -> Reply:
        if ask.headers.get("content-type", "").partition(";")[0] != OCTETS:
            raise Refusal(415)
        self._file(file_id).put_whole(ask.user, ask.body)
        return Reply(204)

    def _put_chunk(self, ask: Ask, file_id: str, number: str) -> Reply:
        kind = ask.headers.get("content-type", "").partition(";")[0]
        body = ask.body
        if kind == "application/x-gzip":
            try:
                body = gzip.decompress(body)
            except (OSError, EOFError, zlib.error) as problem:
                raise Refusal(400, "The chunk is not valid gzip") from problem
        elif kind != OCTETS:
            raise Refusal(415)
        if len(body) > LARGEST_CHUNK:
            raise Refusal(400, "The chunk is too large")
        if not self._file(file_id).put(ask.user, int(number), body):
            raise Refusal(400, "The chunk was not announced")
        return Reply(204)

    def _complete(self, ask: Ask, file_id: str) -> Reply:
        file = self._file(file_id)
        if file.finish(ask.user) is None:
            raise Refusal(404)
        return self._one("file", "file", self._shown(file))

    def _bytes(self, ask: Ask, file_id: str) -> bytes:
        content = self._file(file_id).content(ask.user)
        if content is None or not content.chunks:
            raise Refusal(404)
        return content.joined()

    def _get_file(self, ask: Ask, file_id: str) -> Reply:
        return Reply(200, self._bytes(ask, file_id), OCTETS)

    def _delete_file(self, ask: Ask, file_id: str) -> Reply:
        self._file(file_id).remove(ask.user)
        return Reply(204)

    def _chunks(self, ask: Ask, file_id: str) -> Reply:
        content = self._file(file_id).content(ask.user)
        count = -(-len(content.joined()) // self.chunk_size) if content else 0
        return self._page(ask, "chunk", "chunks", [{"id": str(n), "name": f"Chunk {n}"} for n in range(count)])

    def _chunk(self, ask: Ask, file_id: str, number: str) -> Reply:
        return Reply(200, self._cut(self._bytes(ask, file_id), int(number)), OCTETS)
