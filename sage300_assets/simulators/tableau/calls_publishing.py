"""Uploads, publishing, updates of the data inside a published source, and downloads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from sage300_assets.simulators.tableau.calls_content import draw_source, find_project, find_source
from sage300_assets.simulators.tableau.calls_work import draw_job
from sage300_assets.simulators.tableau.desk import Desk
from sage300_assets.simulators.tableau.engine import Trouble
from sage300_assets.simulators.tableau.errors import Refusal, forbidden, missing, storage_used_up
from sage300_assets.simulators.tableau.multipart import parts
from sage300_assets.simulators.tableau.packages import Opened, open_package, repack
from sage300_assets.simulators.tableau.routes import Asked, Reply, answered, route
from sage300_assets.simulators.tableau.site import ADMINISTRATORS, Project, Site, Source, Upload
from sage300_assets.simulators.tableau.xml import needed, node, request

S = "/sites/{site}"
LONGEST_SINGLE_BODY = 64 * 2**20
MOST_APPENDS = 1000


@route("POST", S + "/fileUploads", "upload.start")
def _start(asked: Asked) -> Reply:
    asked.must_publish()
    key = f"{len(asked.site.uploads) + 1}:{asked.desk.world.new_id().replace('-', '')[:16]}-0:0"
    path = asked.desk.world.folder / f"upload-{asked.desk.world.new_id()}"
    path.touch()
    asked.site.uploads[key] = Upload(key, path)
    return answered(node("fileUpload", {"uploadSessionId": key, "fileSize": 0}), status=201)


@route("PUT", S + "/fileUploads/{upload}", "upload.append")
def _append(asked: Asked) -> Reply:
    upload = _upload(asked)
    found = parts(asked.headers.get("content-type", ""), asked.body)
    if "tableau_file" not in found:
        raise Refusal(400, "020", "Bad Request", "The request has no part with the file")
    if asked.fault("site_full"):
        raise storage_used_up()
    if upload.appends >= MOST_APPENDS:
        raise Refusal(400, "021", "Bad Request", f"A file can be sent in at most {MOST_APPENDS} blocks")
    with upload.path.open("ab") as file:
        file.write(found["tableau_file"].content)
    upload.appends += 1
    size = upload.path.stat().st_size
    shown = size if asked.desk.habits.file_size_in_bytes else size // 2**20
    return answered(node("fileUpload", {"uploadSessionId": upload.id, "fileSize": shown}))


@route("POST", S + "/datasources", "publish")
def _publish(asked: Asked) -> Reply:
    asked.must_publish()
    found = parts(asked.headers.get("content-type", ""), asked.body)
    given = needed(request(found["request_payload"].content), "datasource")
    project_node = given.find("project")
    default = next(iter(asked.site.projects))
    project = find_project(asked.site, default if project_node is None else project_node.get("id", default))
    kind = asked.query.get("datasourceType", "")
    if asked.query.get("append") == "true":
        raise Refusal(400, "000", "Bad Request", "This server is simulated and does not append")
    known = _known(asked.site, given.get("name", ""), project)
    _may_publish(asked, known, given.get("name", ""))
    if not asked.site.may_write(project, asked.who.person):
        raise forbidden(f"publish to the project '{project.name}'")
    if "uploadSessionId" in asked.query:
        upload = _upload(asked)
        package = upload.path
    elif "tableau_datasource" in found:
        if len(asked.body) > LONGEST_SINGLE_BODY:
            raise Refusal(413, "000", "Payload Too Large", "A file above 64 MB must be uploaded in chunks")
        package = asked.desk.world.folder / f"upload-{asked.desk.world.new_id()}"
        package.write_bytes(found["tableau_datasource"].content)
    else:
        raise Refusal(400, "020", "Bad Request", "The request has no part with the file")
    if asked.fault("site_full") or asked.site.used_mb + package.stat().st_size / 2**20 > asked.site.quota_mb:
        raise storage_used_up()
    asked.site.uploads.pop(asked.query.get("uploadSessionId", ""), None)  # forgotten once it is committed
    order = _Order(asked.desk, asked.site, given.get("name", ""), project.id, asked.who.person.id, kind, package, given.get("description", ""))
    if asked.query.get("asJob") == "true":
        # The target of such a job is not said: who publishes finds the source by its name afterwards.
        job = asked.desk.start_job(asked.site, "PublishDatasource", order.work, target=("", "", order.name))
        return answered(draw_job(job), status=202)
    try:
        source = order.carry_out()
    except Trouble as problem:
        code = "000" if "(400000)" in str(problem) else "011"
        raise Refusal(400, code, "Bad Request", str(problem)) from problem
    return answered(draw_source(asked.site, source), status=201)


@route("PATCH", S + "/datasources/{source}/data", "hyper")
@route("PATCH", S + "/datasources/{source}/connections/{connection}/data", "hyper")
def _update(asked: Asked) -> Reply:
    site, desk = asked.site, asked.desk
    source = find_source(site, asked.names["source"])
    asked.must_publish()
    if asked.names.get("connection", source.connection) != source.connection:
        raise missing("connection", asked.names["connection"])
    key = asked.headers.get("requestid", "")
    if not key:
        raise Refusal(400, "000", "Bad Request", "The header requestid is missing")
    if key in site.requests:  # also when its job has been cleaned away
        return answered(draw_job(site.requests[key]), status=202)
    if source.is_extract or source.data is None:
        raise Refusal(400, "000", "Bad Request", "The data of this source cannot be updated: its connection is not live to a Hyper file.")
    payload = _payload(asked)
    try:
        actions = json.loads(asked.body)["actions"]
    except (ValueError, KeyError, TypeError) as problem:
        raise Refusal(400, "000", "Bad Request", "The body must be a JSON object with actions") from problem
    busy = any(j.type == "UpdateUploadedFile" and j.target_id == source.id and j.completed_at is None for j in site.jobs.values())

    def work() -> None:
        if busy:
            raise Trouble("Another update of this data source is under way.")
        if source.data is None:
            raise Trouble("The data source has no data.")
        data = source.data.with_name(f"{desk.world.new_id()}.hyper")
        desk.world.engine.change(source.data, payload, actions, data)
        package = data.with_suffix(source.package.suffix + ".package")
        repack(source.package, data, package)
        source.data, source.package, source.updated_at = data, package, desk.now()
        desk.event(site, "datasource-updated", "DATASOURCE", source.name, source.id)

    job = desk.start_job(site, "UpdateUploadedFile", work, target=("datasource", source.id, source.name), connection=source.connection)
    site.requests[key] = job
    return answered(draw_job(job), status=202)


@route("GET", S + "/datasources/{source}/content", "datasources.download")
def _download(asked: Asked) -> Reply:
    source = find_source(asked.site, asked.names["source"])
    name = f"{source.content_url}.{source.kind}"
    return Reply(200, b"", "application/octet-stream", {"Content-Disposition": f'name="tableau_datasource"; filename="{name}"'}, file=source.package)


class _Order:
    """A file that is to become a published data source."""

    def __init__(  # noqa: PLR0917 - what a publication says
        self, desk: Desk, site: Site, name: str, project: str, owner: str, kind: str, package: Path, description: str
    ) -> None:
        self.name = name
        self._desk = desk
        self._site = site
        self._project = project
        self._owner = owner
        self._kind = kind
        self._package = package
        self._description = description

    def work(self) -> None:
        """As the work of a job."""
        self.carry_out()

    def carry_out(self) -> Source:
        """Replace or create the source; until here everybody sees the old one."""
        desk = self._desk
        folder = desk.world.folder / f"source-{desk.world.new_id()}"
        folder.mkdir()
        package = folder / "package"
        shutil.move(self._package, package)
        opened = open_package(package, self._kind, desk.world.engine, folder / "data.hyper")
        now = desk.now()
        known = _known(self._site, self.name, self._site.projects[self._project])
        if known is None:
            known = Source(desk.world.new_id(), self.name, self._project, self._owner, self._kind, desk.world.new_id(), now, now, package, None)
            self._site.sources[known.id] = known
            event = "datasource-created"
        else:
            known.revisions += 1
            event = "datasource-updated"
        self._fill(known, package, opened)
        desk.event(self._site, event, "DATASOURCE", known.name, known.id)
        return known

    def _fill(self, source: Source, package: Path, opened: Opened) -> None:
        source.kind, source.package, source.data, source.is_extract = self._kind, package, opened.data, opened.is_extract
        source.updated_at, source.description = self._desk.now(), self._description


def _may_publish(asked: Asked, known: Source | None, name: str) -> None:
    if not name:
        raise Refusal(400, "000", "Bad Request", "The data source needs a name")
    if known is None:
        return
    if not any(asked.query.get(mode) == "true" for mode in ("overwrite", "replace")):
        raise Refusal(403, "007", "Forbidden", f"A data source named '{name}' already exists and the overwrite flag is not set.")
    if fault := asked.fault("overwrite_refused"):
        raise Refusal(403, str(fault.options.get("code", "403131"))[3:], "Forbidden", f"Overwriting the data source '{name}' is refused.")
    if asked.who.person.role not in ADMINISTRATORS and known.owner != asked.who.person.id:
        raise forbidden(f"overwrite the data source '{name}'")


def _payload(asked: Asked) -> Path | None:
    if "uploadSessionId" not in asked.query:
        return None
    upload = _upload(asked)
    del asked.site.uploads[upload.id]
    if upload.path.stat().st_size > asked.desk.habits.payload_mb * 2**20:
        raise Refusal(413, "000", "Payload Too Large", f"The payload is larger than {asked.desk.habits.payload_mb:g} MB")
    return upload.path


def _upload(asked: Asked) -> Upload:
    key = asked.names.get("upload") or asked.query.get("uploadSessionId", "")
    if asked.fault("upload_lost"):
        asked.site.uploads.pop(key, None)
    if key not in asked.site.uploads:
        raise missing("upload", key)
    return asked.site.uploads[key]


def _known(site: Site, name: str, project: Project) -> Source | None:
    return next((s for s in site.sources.values() if s.name == name and s.project == project.id), None)
