"""Who may see which company's figures in Tableau, against who belongs to a security group in Sage 300, whose Web API shows no users.

Sage 300's side comes from a file that its administrator exports: user, company and security group, one of each on a line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.systems.tableau.people import Place, SiteState, User
from sage300_assets.systems.tableau.rules import SiteRules

COLUMNS = ("user", "company", "security_group")


@dataclass(frozen=True, slots=True)
class Access:
    """One person and one company."""

    company: str
    person: str
    in_tableau: str
    """By which group or grant; empty for no access."""
    in_sage: str
    """By which security groups; empty for no access."""

    @property
    def difference(self) -> str:
        """What an administrator should look at."""
        if self.in_tableau and self.in_sage:
            return ""
        return "only in Tableau" if self.in_tableau else "only in Sage 300"


def read_security_groups(file: Path) -> dict[tuple[str, str], tuple[str, ...]]:
    """Security groups by company and user, both in upper case."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigurationError(f"{file} cannot be read.", cure=f"It is a CSV file in UTF-8 with the columns {', '.join(COLUMNS)}.") from problem
    reader = csv.DictReader(text.splitlines())
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ConfigurationError(f"{file.name} has other columns.", cure=f"Its first line must be {','.join(COLUMNS)}")
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for number, row in enumerate(reader, 2):
        user, company, group = ((row[name] or "").strip() for name in COLUMNS)
        if not (user and company and group) or None in row:
            raise ConfigurationError(f"{file.name}, line {number}, does not have three values.", cure="Correct it there.")
        key = (company.upper(), user.upper())
        found[key] = tuple(sorted({*found.get(key, ()), group}))
    return found


def access_list(rules: SiteRules, state: SiteState, security_groups: Mapping[tuple[str, str], tuple[str, ...]]) -> list[Access]:
    """Every account with access on either side, differences included. Only of a declared one is it known whose it is in Sage 300."""
    sage_users = {u.name.casefold(): (u.sage_user or u.name.partition("@")[0]).upper() for u in rules.users}
    tableau: dict[tuple[str, str], str] = {}
    for project in rules.projects:
        for company in project.companies:
            for user, why in _readers(project.path, state):
                key = (company.upper(), user.name)
                tableau[key] = f"{tableau[key]}; {why}" if key in tableau and why not in tableau[key] else why
    companies = {company.upper() for p in rules.projects for company in p.companies}
    whose = {(company, name): (company, sage_users.get(name.casefold(), "")) for company, name in tableau}
    found = [Access(*key, why, ", ".join(security_groups.get(whose[key], ()))) for key, why in tableau.items()]
    alone = security_groups.keys() - whose.values()
    found += [Access(*key, "", ", ".join(security_groups[key])) for key in alone if key[0] in companies]
    return sorted(found, key=lambda one: (one.company, one.person.upper()))


def _readers(path: str, state: SiteState) -> Iterator[tuple[User, str]]:
    """Who may see a project: a denial of one's own or of a group wins, and administrators see everything."""
    project = state.project_at(path)
    if project is None:
        return
    rights = [r for r in state.rights.get(Place("project", project.id), frozenset()) if r.capability in {"Read", "ProjectLeader"}]
    for user in state.users:
        if user.role == "Unlicensed":
            continue
        if "Administrator" in user.role:
            yield user, user.role
            continue
        own = [r for r in rights if (r.grantee_kind, r.grantee_id) == ("user", user.id)]
        groups = {g.id: g.name for g in state.groups if user.id in g.members}
        shared = [r for r in rights if r.grantee_kind == "group" and r.grantee_id in groups]
        deciding = own or shared  # what is said about a person goes before what is said about a group
        if deciding and all(r.mode == "Allow" for r in deciding):
            yield user, ", ".join(sorted({groups.get(r.grantee_id, "granted to the person") for r in deciding}))
