"""What must hold of the models before anything that is made of them goes to Anaplan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import duckdb

from sage300_assets.base.errors import DataError
from sage300_assets.delivery.guards import Guard, View
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.shelf import SCHEMA, Verdict
from sage300_assets.lake.views import literal, quoted

_SHOWN = 3


@contextmanager
def open_models(lake: Lake, names: Iterable[str], company: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A private DuckDB with the models as they are now. What the checks of such a build have found in the company is the comment of its view.

    The models hold every company, and the error of one does not stop the others: only where nobody knows whose it is.
    Each build is looked up once: what is judged is what is planned, although the model may be built again in between.
    """
    with lake.look_at_models(()) as db:
        for name in names:
            build, view = lake.shelf.newest(name), f"{SCHEMA}.{quoted(name)}"
            if build is None:
                raise DataError(f"{SCHEMA}.{name} was not built yet.", cure=f"Run `sage300 models build {name}`.")
            db.execute(f"CREATE VIEW {view} AS {lake.shelf.relation_of(build)}")
            if held := [_told(v, company) for v in build.verdicts if v.holds(company)]:
                db.execute(f"COMMENT ON VIEW {view} IS {literal('; '.join(held))}")
        yield db


def _told(verdict: Verdict, company: str) -> str:
    """What a check found, with some rows that offend, those of the company first: a verdict keeps only a few."""
    rows = sorted(verdict.offending, key=lambda row: f"company {company}," not in row)[:_SHOWN]
    return f"{verdict.check}: {verdict.said}" + (f" ({'; '.join(rows)})" if rows else "")


def _sound(view: View) -> tuple[bool, str, tuple[str, ...]]:
    found = view.rows(f"SELECT view_name, comment FROM duckdb_views() WHERE schema_name = '{SCHEMA}' AND comment IS NOT NULL ORDER BY 1")
    return not found, "; ".join(f"{name}: {said}" for name, said in found) or "no check of the models found an error", ()


SOUND = Guard("models_are_sound", "No check of the models that the rows are made of found an error in the company.", _sound)
