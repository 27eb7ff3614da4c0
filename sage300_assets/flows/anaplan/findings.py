"""What the doctor says of Anaplan, and of the right to write into Sage 300. Nothing is changed, and no document is made."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from sage300_assets.base.audit import UNRECORDED, Behalf, Recorder, told_to
from sage300_assets.base.errors import ConfigurationError, PermanentError, Sage300AssetsError
from sage300_assets.base.settings import load, load_settings
from sage300_assets.flows.anaplan.imports import IMPORTS
from sage300_assets.flows.anaplan.reach import token_store
from sage300_assets.flows.anaplan.settings import PlanningSettings
from sage300_assets.flows.writeback.flow import WriteBack
from sage300_assets.flows.writeback.offer import switched_on
from sage300_assets.flows.writeback.settings import WritebackSettings
from sage300_assets.intake.finding import Finding, Level, listed, problem
from sage300_assets.systems.anaplan.settings import AnaplanSettings
from sage300_assets.systems.anaplan.tokens import TokenStore

_SUBJECT = "Anaplan"
_A_MODULE_EACH = (
    "Have the model's builder make each company modules of its own: an import clears what it does not bring, also what is another company's."
)


def anaplan_findings(recorder: Recorder = UNRECORDED, /, **overrides: object) -> Iterator[Finding]:
    """Whether everything that is to be sent and fetched would find its place."""
    try:
        settings = load(AnaplanSettings, **overrides)
        written = load(WritebackSettings, **overrides)
        written.check()
        if not settings.is_configured:
            message = "Nothing goes to Anaplan, because ANAPLAN_MODEL_ID is not set."
            yield Finding(Level.NOTE, _SUBJECT, message, "docs/anaplan.md says what to set, and what the model needs.")
            return
        settings.require()
        planning = load(PlanningSettings, **overrides)
        companies = load_settings(**overrides).sage300_companies
        planning.check(frozenset(i.name for i in IMPORTS), companies)
    except ConfigurationError as wrong:
        yield problem(_SUBJECT, wrong)
        return
    hosts = ", ".join(dict.fromkeys(str(urlsplit(url).hostname) for url in (settings.anaplan_api_url, settings.anaplan_auth_url)))
    yield Finding(Level.OK, _SUBJECT, f"Hosts {hosts}; login by {settings.login_kind}.")
    if settings.login_kind == "basic":
        message = f"{settings.anaplan_username} logs in with a password."
        yield Finding(Level.NOTE, _SUBJECT, message, "Where the tenant has single sign-on it must be an Exception User; the password expires.")
    wanted = switched_on(written)
    try:
        yield from _model(settings, token_store(settings, **_where(overrides)), planning, wanted, companies, recorder)
    except Sage300AssetsError as wrong:
        yield problem(_SUBJECT, wrong)
    yield from write_findings(wanted, companies, recorder, **overrides)


def _where(overrides: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in overrides.items() if name == "_env_file" or name.startswith("vault_")}


def _model(
    settings: AnaplanSettings,
    store: TokenStore,
    planning: PlanningSettings,
    wanted: tuple[WriteBack, ...],
    companies: tuple[str, ...],
    recorder: Recorder,
) -> Iterator[Finding]:
    from sage300_assets.systems.anaplan.client import AnaplanClient  # noqa: PLC0415 - declarations load without it

    # One try: a wrong password that is sent again and again locks the user out.
    with AnaplanClient(settings.model_copy(update={"anaplan_tries": 1}), store, told_to(recorder, Behalf("doctor"))) as client:
        user = client.user()
        yield Finding(Level.OK, _SUBJECT, f"Logged in as {user.get('email') or user.get('id')}.")
        if settings.anaplan_workspace_id and settings.anaplan_workspace_id not in {w.id for w in client.workspaces()}:
            message = f"{settings.anaplan_workspace_id} is no workspace that this user can reach."
            yield Finding(Level.PROBLEM, _SUBJECT, message, "Correct ANAPLAN_WORKSPACE_ID, or give the user access.")
        model = next((m for m in client.models() if m.id == settings.anaplan_model_id), None)
        if model is None:
            message = f"{settings.anaplan_model_id} is no model that this user can reach."
            yield Finding(Level.PROBLEM, _SUBJECT, message, "Correct ANAPLAN_MODEL_ID, or give the user access.")
            return
        state = str(model.more.get("activeState") or "UNLOCKED")
        level = Level.OK if state in ("UNLOCKED", "PRODUCTION") else Level.PROBLEM
        yield Finding(
            level, _SUBJECT, f"Model {model.name} is {state.lower()}, {client.status().lower()}.", "" if level is Level.OK else "Unlock it."
        )
        imports = [one for one in IMPORTS if planning.wants(one)]
        for company in companies or ("",):
            names = {
                "files": [planning.called(one.file, company) for one in imports],
                "imports": [planning.called(one.action, company) for one in imports if not one.process],
                "processes": sorted({planning.called(one.process, company) for one in imports if one.process}),
                "exports": sorted({planning.called(name, company) for one in wanted for name in (one.export, one.control_export) if name}),
            }
            for one in wanted:
                if one.acknowledgement:
                    names["imports"].append(planning.called(one.acknowledgement, company))
                    names["files"].append(planning.called(one.acknowledgement_file, company))
            if planning.prefix(company):
                # A shared one is cleared by each import of each of them.
                names["modules"] = [planning.called(one.target, company) for one in imports if not one.is_list]
            for kind, all_of_them in names.items():
                there = {found.name for found in client.named(kind)}  # type: ignore[arg-type]
                missing = [name for name in dict.fromkeys(all_of_them) if name not in there]
                if missing:
                    cure = "Have the model's builder save them under exactly these names, or leave them out with ANAPLAN_IMPORTS or WRITEBACK_FLOWS."
                    said = f"The model has no {kind} {listed(missing)}."
                    yield Finding(Level.PROBLEM, f"{_SUBJECT} {company}".strip(), said, _A_MODULE_EACH if kind == "modules" else cure)
                elif all_of_them:
                    yield Finding(Level.OK, f"{_SUBJECT} {company}".strip(), f"All {len(set(all_of_them))} {kind} are there.")


def write_findings(
    wanted: tuple[WriteBack, ...], companies: tuple[str, ...], recorder: Recorder = UNRECORDED, /, **overrides: object
) -> Iterator[Finding]:
    """Whether the user of Sage 300 may make the batches: asked for a template, of which nothing is kept."""
    if not wanted:
        yield Finding(Level.NOTE, "write-back", "Nothing is written into Sage 300.", "WRITEBACK_FLOWS switches it on; docs/writeback.md says how.")
        return
    from sage300_assets.systems.sage300.client import Sage300Client  # noqa: PLC0415 - as above
    from sage300_assets.systems.sage300.write import Sage300Writer  # noqa: PLC0415

    settings = load_settings(**overrides).model_copy(update={"sage300_tries": 1})
    for company in companies:
        with Sage300Client(settings, company, told_to(recorder, Behalf("doctor", company))) as client:
            for kind in {one.kind.resource + one.kind.selector: one.kind for one in wanted}.values():
                subject = f"write-back {company}"
                try:
                    Sage300Writer(client).check_right(kind)
                except PermanentError as refused:
                    message = f"The template of {kind.resource} is refused: {refused.message}"
                    yield Finding(Level.PROBLEM, subject, message, "The Web API of this release may not offer it for writing.")
                except Sage300AssetsError as wrong:
                    yield problem(subject, wrong)
                else:
                    yield Finding(Level.OK, subject, f"{kind.resource} {kind.selector}".strip() + " can be written.")
