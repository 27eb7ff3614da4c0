"""A receiver of alerts on this machine, as apprise's `json://` reaches it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Webhook:
    """Keeps what arrives; answers as it is told to."""

    def __init__(self) -> None:
        self.arrived: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.status = 200
        self.location = ""
        self.takes_files = True
        self.seconds = 0.0
        """How long it takes to answer."""
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                time.sleep(webhook.seconds)
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                webhook.paths.append(self.path)
                status = 413 if body.get("attachments") and not webhook.takes_files else webhook.status
                if status == 200:
                    webhook.arrived.append(body)
                self.send_response(status)
                if webhook.location:
                    self.send_header("Location", webhook.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(poll_interval=0.02))

    def url(self, user_info: str = "", path: str = "") -> str:
        """Its address, for apprise."""
        return f"json://{user_info}127.0.0.1:{self._server.server_port}/{path}"

    @property
    def titles(self) -> list[str]:
        """What arrived, by title."""
        return [str(one["title"]) for one in self.arrived]

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def webhook() -> Iterator[Webhook]:
    """One that runs until the block ends."""
    one = Webhook()
    one.start()
    try:
        yield one
    finally:
        one.stop()
