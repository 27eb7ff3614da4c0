"""Who may do what: permissions of projects, data sources and workbooks, and the defaults of a project."""

from __future__ import annotations

from sage300_assets.simulators.tableau.errors import Refusal, missing
from sage300_assets.simulators.tableau.routes import GONE, Asked, Reply, answered, route
from sage300_assets.simulators.tableau.site import Right
from sage300_assets.simulators.tableau.xml import node

S = "/sites/{site}"
OF_CONTENT = {
    "datasources": {"Read", "Connect", "Write", "ExportXml", "SaveAs", "ChangePermissions", "Delete", "ChangeHierarchy", "VizqlDataApiAccess"}
    | {"PulseMetricDefine", "ExtractRefresh"},
    "projects": {"Read", "Write", "ProjectLeader", "InheritedProjectLeader"},
    "workbooks": {"Read", "Filter", "ViewComments", "AddComment", "ExportImage", "ExportData", "ShareView", "ViewUnderlyingData", "WebAuthoring"}
    | {"Write", "ChangeHierarchy", "ChangePermissions", "Delete", "ExportXml", "RunExplainData", "CreateRefreshMetrics", "ExtractRefresh"},
}


@route("GET", S + "/{kind}/{item}/permissions", "rights.get")
@route("GET", S + "/{kind}/{item}/default-permissions/{of}", "rights.get")
def _get(asked: Asked) -> Reply:
    return _shown(asked)


@route("PUT", S + "/{kind}/{item}/permissions", "rights.put")
@route("PUT", S + "/{kind}/{item}/default-permissions/{of}", "rights.put")
def _put(asked: Asked) -> Reply:
    asked.must_administer("change permissions")
    place = _place(asked)
    given: list[Right] = []
    for rule in asked.xml.iter("granteeCapabilities"):
        grantee = next(iter(rule))
        given += [(grantee.tag, grantee.get("id", ""), c.get("name", ""), c.get("mode", "")) for c in rule.iter("capability")]
    for kind, key, capability, mode in given:
        _allowed(asked, kind, key, capability, mode)
    named = {right[:3] for right in given}
    kept = [] if asked.desk.habits.rights_replace else [r for r in asked.site.rights.get(place, []) if r[:3] not in named]
    asked.site.rights[place] = kept + given
    return _shown(asked)


@route("DELETE", S + "/{kind}/{item}/permissions/{whose}/{grantee}/{capability}/{mode}", "rights.remove")
@route("DELETE", S + "/{kind}/{item}/default-permissions/{of}/{whose}/{grantee}/{capability}/{mode}", "rights.remove")
def _remove(asked: Asked) -> Reply:
    asked.must_administer("change permissions")
    place = _place(asked)
    names = asked.names
    right = (names["whose"].removesuffix("s"), names["grantee"], names["capability"], names["mode"])
    rights = asked.site.rights.get(place, [])
    if right not in rights:
        raise Refusal(404, "007", "Resource Not Found", f"The capability {names['capability']} is not set to {names['mode']} there.")
    rights.remove(right)
    return GONE


def _place(asked: Asked) -> tuple[str, str, str]:
    kind, item, of = asked.names["kind"], asked.names["item"], asked.names.get("of", "")
    site = asked.site
    known: dict[str, set[str]] = {"projects": set(site.projects), "datasources": set(site.sources), "workbooks": set(site.workbooks)}
    if item not in known.get(kind, set()):
        raise missing(kind.removesuffix("s"), item)
    return kind, item, of


def _allowed(asked: Asked, kind: str, key: str, capability: str, mode: str) -> None:
    content = asked.names.get("of") or asked.names["kind"]
    known = OF_CONTENT.get(content)
    if known is not None and (capability not in known or mode not in {"Allow", "Deny"} or (capability, mode) == ("ProjectLeader", "Deny")):
        raise Refusal(400, "009", "Bad Request", f"The capability {capability} {mode} is not valid for {content}.")
    if kind not in {"user", "group"} or key not in {**asked.site.people, **asked.site.groups}:
        raise missing(kind, key)


def _shown(asked: Asked) -> Reply:
    place = _place(asked)
    grantees: dict[tuple[str, str], list[Right]] = {}
    for right in asked.site.rights.get(place, []):
        grantees.setdefault(right[:2], []).append(right)
    rules = [
        node(
            "granteeCapabilities",
            None,
            node(kind, {"id": key}),
            node("capabilities", None, *[node("capability", {"name": name, "mode": mode}) for _, _, name, mode in rights]),
        )
        for (kind, key), rights in grantees.items()
    ]
    return answered(node("permissions", None, node(place[0].removesuffix("s"), {"id": place[1]}), *rules))
