"""How a site is to be, in one YAML file that an administrator keeps: people, groups, rights and schedules.

The JSON schema for editors is made from the same classes, so a file that an editor finds good is good.
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from datetime import time
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sage300_assets.base.errors import ConfigurationError

SiteRole = Literal[
    "Creator",
    "Explorer",
    "ExplorerCanPublish",
    "SiteAdministratorCreator",
    "SiteAdministratorExplorer",
    "Viewer",
    "Unlicensed",
]
Capability = Literal[
    "Read",
    "Connect",
    "Write",
    "ExportXml",
    "SaveAs",
    "ChangePermissions",
    "Delete",
    "ChangeHierarchy",
    "VizqlDataApiAccess",
    "PulseMetricDefine",
    "ExtractRefresh",
    "ProjectLeader",
]
Name = Annotated[str, Field(min_length=1)]


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class UserRule(_Rule):
    """A person on the site."""

    name: Name = Field(description="The name the person signs in with.")
    role: SiteRole = Field(description="The site role.")
    auth: Literal["", "SAML", "OpenID", "TableauIDWithMFA", "ServerDefault"] = Field(default="", description="How the person signs in.")
    sage_user: str = Field(default="", description="The person's user in Sage 300, where its name differs.")


class GroupRule(_Rule):
    """A group and who belongs to it."""

    name: Name
    members: tuple[Name, ...] = Field(default=(), description="Names of users.")


class Grant(_Rule):
    """What one group or one user may do."""

    group: str = Field(default="", description="A group, or")
    user: str = Field(default="", description="a user; groups are easier to keep in order.")
    allow: tuple[Capability, ...] = ()
    deny: tuple[Capability, ...] = ()

    @model_validator(mode="after")
    def _one_grantee(self) -> Self:
        if bool(self.group) == bool(self.user):
            raise ValueError("a grant names a group or a user, and not both")
        if set(self.allow) & set(self.deny):
            raise ValueError(f"{min(set(self.allow) & set(self.deny))} is both allowed and denied")
        if "ProjectLeader" in self.deny:
            raise ValueError("ProjectLeader cannot be denied")
        return self


class ProjectRule(_Rule):
    """Rights on a project, and what new data sources in it start with."""

    path: Name = Field(description="Such as Finance/Ledger.")
    permissions: tuple[Grant, ...] = ()
    data_sources: tuple[Grant, ...] = Field(default=(), description="Rights that the project's data sources start with.")
    companies: tuple[Name, ...] = Field(default=(), description="Companies whose figures are to be seen here, for the access list.")


class DataSourceRule(_Rule):
    """Rights on one data source."""

    name: Name
    project: Name
    permissions: tuple[Grant, ...] = ()


class ScheduleRule(_Rule):
    """When extracts that the server itself makes are refreshed."""

    name: Name
    frequency: Literal["Daily", "Weekly", "Monthly"]
    at: time = Field(description="Time of day of the server, such as 02:00.")
    days: tuple[str, ...] = Field(default=(), description="Monday ... for Weekly; 1 ... 31 or LastDay for Monthly.")
    data_sources: tuple[Name, ...] = Field(default=(), description="As project path and name, such as Finance/Budget.")

    @model_validator(mode="after")
    def _days_fit(self) -> Self:
        week = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
        month = {"LastDay", *map(str, range(1, 32))}
        allowed = {"Daily": set(), "Weekly": week, "Monthly": month}[self.frequency]
        wrong = [day for day in self.days if day not in allowed]
        if wrong or (self.frequency != "Daily" and not self.days):
            raise ValueError(f"{self.frequency} does not go with the days {', '.join(self.days) or 'none'}")
        return self


class SiteRules(_Rule):
    """Everything that is declared about a site."""

    users: tuple[UserRule, ...] = ()
    groups: tuple[GroupRule, ...] = ()
    projects: tuple[ProjectRule, ...] = ()
    data_sources: tuple[DataSourceRule, ...] = ()
    schedules: tuple[ScheduleRule, ...] = ()
    others_may_stay: tuple[Name, ...] = Field(default=(), description="Users who are not declared and are left alone, such as the server's own.")

    @model_validator(mode="after")
    def _names_lead_somewhere(self) -> Self:
        users, groups = _once("user", [u.name for u in self.users]), _once("group", [g.name for g in self.groups])
        _once("project", [p.path for p in self.projects])
        _once("data source", [f"{d.project}/{d.name}" for d in self.data_sources])
        _once("schedule", [s.name for s in self.schedules])
        for group in self.groups:
            if unknown := sorted({m.casefold() for m in group.members} - users):
                raise ValueError(f"{unknown[0]} is a member of {group.name} and no declared user")
        places = [(p.path, (*p.permissions, *p.data_sources)) for p in self.projects] + [(d.name, d.permissions) for d in self.data_sources]
        for place, grants in places:
            for grant in grants:
                if grant.group and grant.group.casefold() not in {*groups, "all users"}:
                    raise ValueError(f"{grant.group} has rights on {place} and is no declared group")
                if grant.user and grant.user.casefold() not in users:
                    raise ValueError(f"{grant.user} has rights on {place} and is no declared user")
        return self


def read_rules(file: Path) -> SiteRules:
    """Read the file; what is wrong in it is one line that says where."""
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - derives from the safe loader
        return SiteRules.model_validate(content or {})
    except OSError as problem:
        raise ConfigurationError(f"{file} cannot be read: {problem.strerror}.", cure="Give the path of the site's YAML file.") from problem
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise ConfigurationError(f"{file.name} is no YAML: {' '.join(str(problem).split())}", cure="Correct it there.") from problem
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
        place = " > ".join(str(part) for part in first["loc"]) or "the file"
        said = first["msg"].removeprefix("Value error, ")
    raise ConfigurationError(f"{file.name}: {place}: {said}.", cure="An editor that knows the JSON schema shows what may stand there.")


def rules_schema() -> str:
    """The JSON schema for editors."""
    schema = SiteRules.model_json_schema()
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A Tableau site", **schema}, indent=2) + "\n"


class _Loader(yaml.SafeLoader):
    """Refuses what YAML's own loader passes over: a name that stands twice, of which only the last would count."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:  # noqa: FBT001, FBT002 - as it is inherited
        names = [key.value for key, _ in node.value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"{twice[0]} stands there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _once(what: str, names: list[str]) -> set[str]:
    """Names in lower case, each of which may stand only once."""
    folded = [name.casefold() for name in names]
    twice = sorted({name for name in folded if folded.count(name) > 1})
    if twice:
        raise ValueError(f"the {what} {twice[0]} is declared twice")
    return set(folded)
