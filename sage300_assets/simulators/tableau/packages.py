"""The files people publish: a Hyper file, or a package of a description and a Hyper file."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from defusedxml.ElementTree import fromstring

from sage300_assets.simulators.tableau.engine import Engine, Trouble


@dataclass(frozen=True, slots=True)
class Opened:
    """What is in a published file."""

    data: Path | None
    is_extract: bool


def open_package(package: Path, kind: str, engine: Engine, data: Path) -> Opened:
    """Look into a file as the server does; the Hyper file inside goes to `data`."""
    if kind == "hyper":
        shutil.copyfile(package, data)
        engine.check(data)
        return Opened(data, is_extract=False)
    if kind == "tdsx":
        description, member = _inside(package)
        with zipfile.ZipFile(package) as archive, archive.open(member) as source, data.open("wb") as target:
            shutil.copyfileobj(source, target)
        engine.check(data)
        return Opened(data, is_extract=description.find("extract") is not None)
    if kind == "tds":
        return Opened(None, is_extract=False)
    raise Trouble(f"There was a problem publishing the file: the type {kind!r} is not known here. (400011)")


def repack(package: Path, data: Path, result: Path) -> None:
    """The package with another Hyper file inside."""
    if not zipfile.is_zipfile(package):
        shutil.copyfile(data, result)
        return
    _, member = _inside(package)
    with zipfile.ZipFile(package) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for name in old.namelist():
            if name == member:
                new.write(data, member)
            else:
                new.writestr(name, old.read(name))


def _inside(package: Path) -> tuple[ET.Element, str]:
    try:
        with zipfile.ZipFile(package) as archive:
            names = archive.namelist()
            found = [n for n in names if "/" not in n and n.endswith(".tds")]
            if len(found) != 1:
                raise Trouble("There was a problem publishing the file: the package needs one .tds at its root. (400011)")
            description: ET.Element = fromstring(archive.read(found[0]))
            if description.tag != "datasource" or not description.get("version") or description.get("inline") != "true":
                raise Trouble("There was a problem publishing the file: the .tds is not a data source. (400011)")
            places = [c.get("dbname", "") for c in description.iter("connection") if c.get("class") == "hyper"]
            for place in places:
                if place in names:
                    return description, place
            raise Trouble(f"There was a problem publishing the file: nothing is at {', '.join(places) or 'the connection'} in the package. (400011)")
    except (zipfile.BadZipFile, ET.ParseError) as problem:
        raise Trouble(f"There was a problem publishing the file: {problem}. (400011)") from problem
