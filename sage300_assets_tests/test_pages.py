"""What README, CONTRIBUTING and the changelog say, against what there is."""

from __future__ import annotations

import re
from pathlib import Path

from sage300_assets.catalogue import ENTITIES
from sage300_assets.flows.tableau import all_sources
from sage300_assets.models.compiled import compiled
from sage300_assets.reconciliation.controls import CONTROLS

_PROJECT = Path(__file__).parents[1]


def test_every_verb_of_the_makefile_has_a_plain_command() -> None:
    makefile = (_PROJECT / "Makefile").read_text(encoding="utf-8")
    found = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert found is not None
    pages = "".join((_PROJECT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md"))
    told = set(re.findall(r"^\| `make ([a-z-]+)` \| .+ \|$", pages, re.MULTILINE))
    assert told == set(found[1].split())


def test_what_is_counted_is_there() -> None:
    readme, changelog = ((_PROJECT / name).read_text(encoding="utf-8") for name in ("README.md", "CHANGELOG.md"))
    stored = len(compiled().stored)
    assert f"{len(ENTITIES)} entities, {sum(len(e.tables) for e in ENTITIES)} tables;" in readme
    assert f"`models / mart_ap_ageing` and {stored - 1} more" in readme
    assert f"{len(CONTROLS)} controls over the books" in readme
    assert f"Models: {stored} dimensions, facts and marts" in changelog
    assert f"Tableau: {len(all_sources())} data sources" in changelog
