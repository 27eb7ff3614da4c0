"""Reading back what is published: the file that the site has, and the rows inside it."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile, is_zipfile

from sage300_assets.base.errors import DataError
from sage300_assets.systems.tableau.contents import Source
from sage300_assets.systems.tableau.session import Session

_PIECE = 2**20


def download(session: Session, target: Source, folder: Path) -> Path:
    """The Hyper file inside a published source."""
    folder.mkdir(parents=True, exist_ok=True)
    found = session.ask(f"downloading {target.name}", lambda server: server.datasources.download(target.id, str(folder), include_extract=True))
    return hyper_inside(Path(str(found)), folder / f"{target.id}.hyper")


def hyper_inside(package: Path, target: Path) -> Path:
    """The Hyper file of a package; a file that is no package is one itself."""
    if not is_zipfile(package):
        return package
    with ZipFile(package) as opened, target.open("wb") as out:
        data = [name for name in opened.namelist() if name.endswith(".hyper")]
        if len(data) != 1:
            raise DataError(f"{package.name} holds {len(data)} extracts instead of one.", cure="It was not published from here; publish again.")
        with opened.open(data[0]) as content:
            while piece := content.read(_PIECE):
                out.write(piece)
    return target
