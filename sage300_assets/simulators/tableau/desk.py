"""What the functions behind the API share: the world, the doorman, the faults, the jobs and the courier of events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sage300_assets.simulators.tableau.courier import Courier
from sage300_assets.simulators.tableau.doorman import Doorman
from sage300_assets.simulators.tableau.engine import Trouble
from sage300_assets.simulators.tableau.faults import FaultBoard
from sage300_assets.simulators.tableau.site import Job, Site
from sage300_assets.simulators.tableau.world import World

JOB_CALLS = {"PublishDatasource": "publish", "UpdateUploadedFile": "hyper", "RefreshExtract": "refresh", "UserImport": "users.import"}


@dataclass
class Habits:
    """How this server behaves where servers differ, or where the sources do not agree."""

    release: str = "3.27"
    product: str = "2025.3.0"
    job_polls: int = 2
    """A job ends after having been asked about so often,"""
    job_seconds: float = 20.0
    """or when so much time has passed on the clock."""
    file_size_in_bytes: bool = False
    """Whether an append answers with bytes instead of megabytes."""
    rights_replace: bool = False
    """Whether putting permissions takes away those that are not named."""
    job_titles: bool = False
    """Whether the list of jobs says what each is about."""
    payload_mb: float = 100.0
    cloud: bool = False
    """Whether it is Tableau Cloud: no schedules of the server, no password."""


def element_of(event: str) -> str:
    """How an event, such as datasource-updated, is written where it is registered."""
    odd = {"admin-promoted": "webhook-event-user-promoted-admin", "admin-demoted": "webhook-event-user-demoted-admin"}
    return odd.get(event, f"webhook-source-event-{event}")


class Desk:
    """One server's inside."""

    def __init__(self, world: World, faults: FaultBoard, doorman: Doorman, habits: Habits) -> None:
        self.world = world
        self.faults = faults
        self.doorman = doorman
        self.habits = habits
        self.courier = Courier(faults)

    def now(self) -> datetime:
        """The time, to the second as the wire shows it."""
        return self.world.clock()

    def start_job(self, site: Site, kind: str, work: Callable[[], None] | None, *, target: tuple[str, str, str], connection: str = "") -> Job:
        """Begin work that ends later; a fault decides now how it will end."""
        now = self.now()
        job = Job(self.world.new_id(), kind, now, now + timedelta(seconds=self.habits.job_seconds), self.habits.job_polls, work)
        job.target_kind, job.target_id, job.target_name = target
        job.connection = connection
        call = f"{JOB_CALLS[kind]}.job"
        if fault := self.faults.take("job_fails", call):
            job.fails = str(fault.options.get("notes") or "")
        if fault := self.faults.take("job_fails_with_note", call):
            job.error_code = str(fault.options.get("code", "410012"))
            job.work = None
        if fault := self.faults.take("job_vanishes", call):
            job.vanishes = str(fault.options.get("code", "404031"))
        job.stuck = self.faults.take("job_stuck", call) is not None
        job.early = self.faults.take("finish_code_early", call) is not None
        site.jobs[job.id] = job
        return job

    def settle(self) -> None:
        """End the jobs whose time has come."""
        now = self.now()
        for site in self.world.sites.values():
            for job in list(site.jobs.values()):
                if job.completed_at is None and not job.stuck and now >= job.due:
                    self.finish(site, job)

    def finish(self, site: Site, job: Job) -> None:
        """Do what a job is for."""
        job.started_at = job.started_at or self.now()
        try:
            if job.fails is not None:
                raise Trouble(job.fails)  # noqa: TRY301 - the same end as a trouble of its own
            if job.work is not None:
                job.work()
            job.finish_code = 0
        except Trouble as problem:
            job.finish_code = 1
            job.notes = str(problem)
            if job.type == "RefreshExtract":
                self.event(site, "datasource-refresh-failed", "EXTRACTS", job.target_name, job.target_id)
        job.completed_at = self.now()

    def event(self, site: Site, name: str, resource: str, resource_name: str, resource_id: str) -> None:
        """Tell whoever has asked to be told."""
        for hook in list(site.webhooks.values()):
            if hook.event == element_of(name):
                kind = "".join(part.title() for part in name.split("-"))
                self.courier.send(
                    hook.url,
                    {
                        "resource": resource,
                        "event_type": kind,
                        "resource_name": resource_name,
                        "site_luid": site.id,
                        "resource_luid": resource_id,
                        "created_at": self.now().strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                    },
                )
