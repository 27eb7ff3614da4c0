"""Changing rows of a published source by key, without sending the whole extract; and the life of the source around it.

Only sources whose connection is the Hyper file itself can be changed so. A request has an id made from what it is about, and the server carries out
each id once, so a lost answer is simply asked for again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tableauserverclient as tsc

from sage300_assets.base.errors import DataError, PermanentError
from sage300_assets.systems.tableau.contents import Source
from sage300_assets.systems.tableau.jobs import End, follow
from sage300_assets.systems.tableau.session import Session
from sage300_assets.systems.tableau.turn import Turn
from sage300_assets.systems.tableau.uploads import upload

LARGEST_PAYLOAD = 100 * 2**20
"""What servers take by default."""
SCHEMA = "Extract"


Condition = dict[str, object]


@dataclass(frozen=True, slots=True)
class Action:
    """One step of a change; `key` are the columns that say which row is meant."""

    kind: Literal["insert", "upsert", "update", "delete", "replace"]
    table: str
    payload_table: str
    key: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        needs_key = self.kind in {"upsert", "update", "delete"}
        if needs_key != bool(self.key):
            raise ValueError(f"{self.kind} {'needs a key' if needs_key else 'takes no key'}")

    def wire(self) -> dict[str, object]:
        """As it is sent."""
        sent: dict[str, object] = {
            "action": self.kind,
            "source-schema": SCHEMA,
            "source-table": self.payload_table,
            "target-schema": SCHEMA,
            "target-table": self.table,
        }
        if self.key:
            sent["condition"] = _all_equal(self.key)
        return sent


def change(session: Session, target: Source, payload: Path, actions: Sequence[Action], *, about: str) -> End:
    """Carry out all actions or none. `about` says what this change is, such as asset, partition and content hash; the same words, the same change."""
    what = f"Changing {target.name}"
    size = payload.stat().st_size
    if target.is_extract:
        raise PermanentError(f"{what}: it is an extract of something else.", cure="Publish it whole.")
    if size > LARGEST_PAYLOAD:
        raise DataError(f"{what}: the change is {size / 2**20:.0f} MB, and servers take 100.", cure="Publish the whole extract instead.")
    request_id = hashlib.sha256(f"{target.id}\n{about}".encode()).hexdigest()[:32]
    # The server refuses two changes of one source at the same time.
    turn = Turn(session.settings.tableau_state_folder, session.settings.tableau_server_url, f"source {target.id}")
    turn.take(session.settings.tableau_job_minutes * 60)
    try:
        key = upload(session, payload)
        job = session.ask(what, lambda server: _send(server, target.id, key, request_id, actions))
        session.watch.step("tableau.change_sent")
        return follow(session, job, what)
    finally:
        turn.give_back()


def describe(session: Session, target: Source, description: str) -> None:
    """Say anew what is in a source, after its rows were changed."""

    def send(server: tsc.Server) -> None:
        item = server.datasources.get_by_id(target.id)
        item.description = description
        server.datasources.update(item)

    session.ask(f"describing {target.name}", send)


def _send(server: tsc.Server, source_id: str, upload_id: str, request_id: str, actions: Sequence[Action]) -> str:
    url = f"{server.datasources.baseurl}/{source_id}/data?uploadSessionId={upload_id}"
    body = json.dumps({"actions": [action.wire() for action in actions]})
    answer = server.datasources.patch_request(url, body, "application/json", {"headers": {"requestid": request_id}})
    return str(tsc.JobItem.from_response(answer.content, server.namespace)[0].id)


def _all_equal(key: Sequence[str]) -> Condition:
    leaves: list[Condition] = [{"op": "eq", "source-col": column, "target-col": column} for column in key]
    return leaves[0] if len(leaves) == 1 else {"op": "and", "args": leaves}
