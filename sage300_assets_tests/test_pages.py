"""What README and CONTRIBUTING promise of the Makefile."""

from __future__ import annotations

import re
from pathlib import Path

_PROJECT = Path(__file__).parents[1]


def test_every_verb_of_the_makefile_has_a_plain_command() -> None:
    makefile = (_PROJECT / "Makefile").read_text(encoding="utf-8")
    found = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert found is not None
    pages = "".join((_PROJECT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md"))
    told = set(re.findall(r"^\| `make ([a-z-]+)` \| .+ \|$", pages, re.MULTILINE))
    assert told == set(found[1].split())
