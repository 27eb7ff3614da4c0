"""A flow in Dagster: its plan, its guards, the person who agrees, and what left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import text

from sage300_assets.base.audit import Anchor
from sage300_assets.base.errors import AccessError, DataError, LedgerBroken
from sage300_assets.base.settings import load_settings
from sage300_assets.base.watch import Watch
from sage300_assets.delivery.plan import Plan, plans
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.approvals import Approvals
from sage300_assets.ledger.keeper import Keeper
from sage300_assets.ledger.outbox import Outbox
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.verify import verify
from sage300_assets.ledger.walk import Tampering
from sage300_assets.orchestration.audit import instance_anchors
from sage300_assets.orchestration.build import build_definitions
from sage300_assets.orchestration.deliveries import deliveries
from sage300_assets.orchestration.source import Source
from sage300_assets_tests.delivery.conftest import Counter, Shop, once
from sage300_assets_tests.ledger.test_chain import cut


@dataclass
class Desk:
    counter: Counter
    instance: dg.DagsterInstance
    source: Source

    @property
    def definitions(self) -> dg.Definitions:
        flow = self.counter.flow
        return build_definitions(self.source.settings, self.source, (), [lambda settings, entities: deliveries(settings, entities, [flow])])

    def tick(self) -> list[dg.RunRequest]:
        """Of the sensor that starts what somebody has agreed to."""
        context = dg.build_sensor_context(instance=self.instance, resources={"sage300": self.source})
        return list(self.definitions.resolve_sensor_def("approved_plans").evaluate_tick(context).run_requests or ())

    def run(self) -> dg.ExecuteInProcessResult:
        return self.definitions.resolve_job_def("deliver").execute_in_process(instance=self.instance, raise_on_error=False)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    settings = load_settings(_env_file=None, sage300_companies="SAMLTD", lake_url=str(tmp_path / "lake"))
    ledger = Ledger.at(f"sqlite:///{(tmp_path / 'ledger.db').as_posix()}")
    counter = Counter(ledger, Lake(tmp_path / "lake"), options={"reads": ()})
    source = Source(read_settings=lambda: settings, _keeper=Keeper(ledger, lambda: datetime.now(UTC)), _lake=counter.lake)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Desk(counter, instance, source)
    ledger.close()


def _checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {c.check_name: c.passed for c in result.get_asset_check_evaluations()}


def _metadata(result: dg.ExecuteInProcessResult, *path: str) -> dict[str, object]:
    events = [e.step_materialization_data.materialization for e in result.get_asset_materialization_events()]
    (one,) = [e for e in events if e.asset_key == dg.AssetKey(path)]
    return {name: value.value for name, value in one.metadata.items()}


def test_a_plan_is_shown_before_it_is_carried_out(desk: Desk) -> None:
    desk.counter.want("1", "2", amount="12.34")
    result = desk.run()
    assert result.success
    plan = _metadata(result, "samltd", "plan", "vendors")
    assert plan["would_change"] == 2
    assert plan["control_total"] == "24.680000"
    assert "| create | 2 | 24.680000 |" in str(plan["actions"])
    assert "12.34" in str(plan["preview"])
    assert plan["last_delivered"] == "never"
    delivery = _metadata(result, "samltd", "delivery", "vendors")
    assert str(delivery["outcome"]).startswith("done")
    assert all(_checks(result).values())
    assert len(desk.counter.shop.kept) == 2
    assert str(plan["plan"]) in str(_metadata(desk.run(), "samltd", "plan", "vendors")["last_delivered"])
    assert len(desk.counter.shop.kept) == 2


def test_a_guard_that_blocks_fails_the_run_before_anything_leaves(desk: Desk) -> None:
    desk.counter.want("1", "1#again")
    result = desk.run()
    assert not result.success
    assert _checks(result)["no_duplicates"] is False
    assert desk.counter.shop.kept == []


def test_a_delivery_waits_for_a_person_and_starts_when_somebody_agrees(desk: Desk) -> None:
    desk.counter.options["approval"] = True
    desk.counter.want("1")
    waiting = desk.run()
    assert waiting.success
    assert _checks(waiting)["approved"] is False
    assert desk.counter.shop.kept == []
    assert not desk.tick()
    name = str(_metadata(waiting, "samltd", "plan", "vendors")["plan"])
    plan = desk.counter.plan()
    assert plan.plan == name
    Approvals(desk.counter.ledger, desk.source.now).decide(plan.plan, plan.content_hash, "approved", who="controller")
    (request,) = desk.tick()
    assert request.asset_selection == [dg.AssetKey(["samltd", "delivery", "vendors"])]
    assert desk.run().success
    assert desk.counter.shop.times("1") == 1
    assert not desk.tick()


def test_an_unusual_plan_fails_the_run_until_somebody_agrees(desk: Desk) -> None:
    """Also of a flow that otherwise waits for nobody."""
    desk.counter.want(*map(str, range(60)))
    assert desk.run().success
    desk.counter.want(*map(str, range(31)), amount="9.00")
    assert not desk.run().success
    assert not desk.tick()
    plan = next(plans(desk.counter.lake))
    Approvals(desk.counter.ledger, desk.source.now).decide(plan.plan, plan.content_hash, "approved", who="controller")
    (request,) = desk.tick()
    assert request.tags["plan"] == plan.plan
    done = desk.run()
    assert done.success
    assert _checks(done)["share_changed"] is True
    assert desk.counter.shop.times("30") == 2
    assert not desk.tick()


def test_a_dry_run_does_not_use_an_agreement_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.counter.options["approval"] = True
    desk.counter.want("1")
    desk.run()
    plan = desk.counter.plan()
    Approvals(desk.counter.ledger, desk.source.now).decide(plan.plan, plan.content_hash, "approved", who="controller")
    monkeypatch.setenv("DELIVERY_DRY_RUN", "true")
    (dry,) = desk.tick()
    desk.run()
    assert desk.tick() == []
    monkeypatch.setenv("DELIVERY_DRY_RUN", "false")
    (request,) = desk.tick()
    assert request.run_key != dry.run_key, "Dagster starts nothing twice under one key"
    desk.run()
    assert desk.counter.shop.times("1") == 1
    assert desk.tick() == []


def test_a_delivery_that_failed_starts_again_when_somebody_agrees_again_and_not_every_minute(desk: Desk) -> None:
    desk.counter.options["approval"] = True
    desk.counter.want("1")
    desk.run()
    plan = desk.counter.plan()
    approvals = Approvals(desk.counter.ledger, desk.source.now)
    approvals.decide(plan.plan, plan.content_hash, "approved", who="controller")
    desk.counter.shop.before = once(AccessError("the password has expired (401)."))
    assert not desk.run().success
    assert desk.tick() == []
    approvals.decide(plan.plan, plan.content_hash, "approved", who="controller", note="the password is new")
    assert len(desk.tick()) == 1


def test_the_plan_that_was_agreed_to_is_the_one_that_leaves(desk: Desk) -> None:
    """Also if it was made by hand, and Dagster does not know of it."""
    desk.counter.options["approval"] = True
    desk.counter.want("1")
    desk.run()
    desk.counter.clock.moment = datetime.now(UTC)
    desk.counter.want("2")
    plan = desk.counter.plan()
    Approvals(desk.counter.ledger, desk.source.now).decide(plan.plan, plan.content_hash, "approved", who="controller")
    (request,) = desk.tick()
    assert request.asset_selection is not None
    job = desk.definitions.resolve_implicit_global_asset_job_def()

    def carry_out() -> dg.ExecuteInProcessResult:
        return job.execute_in_process(instance=desk.instance, asset_selection=request.asset_selection, tags=request.tags, raise_on_error=False)

    assert carry_out().success
    assert [desk.counter.shop.times(r) for r in "12"] == [1, 1]
    desk.counter.clock.wait(60)
    desk.counter.want("3")
    newest = desk.counter.plan()
    late = carry_out()
    assert not late.success
    assert any(newest.plan in str(event) for event in late.all_events)
    assert desk.counter.shop.times("3") == 0


def test_what_was_agreed_to_before_goes_on_while_a_newer_plan_waits(desk: Desk) -> None:
    desk.counter.options["approval"] = True
    desk.counter.want("1")
    desk.run()
    plan = desk.counter.plan()
    Approvals(desk.counter.ledger, desk.source.now).decide(plan.plan, plan.content_hash, "approved", who="controller")
    desk.counter.shop.before = once(AccessError("the password has expired (401)."))
    assert not desk.run().success
    desk.counter.want("2")
    waiting = desk.run()
    assert waiting.success
    assert _checks(waiting)["approved"] is False
    assert [desk.counter.shop.times(r) for r in "12"] == [1, 0]
    assert "what was agreed to before went on" in str(_metadata(waiting, "samltd", "delivery", "vendors")["outcome"])


@dataclass
class Killed(Watch):
    """The process is gone at a step."""

    at: str

    def step(self, name: str) -> None:
        if name == self.at:
            raise KeyboardInterrupt

    def rows(self, count: int) -> None:
        """Nobody looks."""


def left_over(desk: Desk, at: str) -> Plan:
    """A plan that was agreed to, and whose delivery was killed some hours ago."""
    desk.counter.options["approval"] = True
    desk.counter.clock.moment = datetime.now(UTC) - timedelta(hours=3)
    desk.counter.want("1", "2")
    plan = desk.counter.plan()
    Approvals(desk.counter.ledger, desk.counter.clock.now).decide(plan.plan, plan.content_hash, "approved", who="controller")
    with pytest.raises(KeyboardInterrupt):
        desk.counter.deliver(plan, watch=Killed(at))
    return plan


def carry(desk: Desk, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    job = desk.definitions.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(instance=desk.instance, asset_selection=request.asset_selection, tags=request.tags, raise_on_error=False)


@pytest.mark.parametrize("at", ["enqueued", "claimed", "intended", "sent"])
def test_a_delivery_that_was_killed_goes_on_when_nobody_is_at_work_on_it(desk: Desk, at: str) -> None:
    plan = left_over(desk, at)
    (request,) = desk.tick()
    assert request.tags["plan"] == plan.plan
    assert [again.run_key for again in desk.tick()] == [request.run_key], "Dagster starts nothing twice under one key"
    assert carry(desk, request).success
    assert [desk.counter.shop.times(r) for r in "12"] == [1, 1]
    assert desk.tick() == []


def test_a_delivery_that_somebody_is_at_work_on_is_left_to_them(desk: Desk) -> None:
    left_over(desk, "intended")
    desk.counter.clock.moment = datetime.now(UTC)
    box = Outbox(desk.counter.ledger, desk.counter.clock.now)
    assert box.claim("another", lease=timedelta(minutes=10))
    assert desk.tick() == []


def test_what_waits_for_a_password_is_not_tried_every_minute(desk: Desk) -> None:
    desk.counter.shop.before = once(AccessError("the password has expired (401)."))
    desk.counter.clock.moment = datetime.now(UTC) - timedelta(hours=3)
    desk.counter.want("1")
    with pytest.raises(AccessError):
        desk.counter.deliver()
    assert desk.tick() == []


def test_what_was_agreed_to_goes_on_although_a_newer_plan_is_blocked(desk: Desk) -> None:
    left_over(desk, "enqueued")
    desk.counter.clock.moment = datetime.now(UTC)
    desk.counter.want("3", "3#again")
    blocked = desk.counter.plan()
    assert blocked.blocked_by
    (request,) = desk.tick()
    assert not carry(desk, request).success
    assert [desk.counter.shop.times(r) for r in "123"] == [1, 1, 0]
    assert desk.tick() == []


def test_a_forged_approval_holds_its_own_flow_and_no_other(desk: Desk) -> None:
    ledger, flows, made = desk.counter.ledger, [], []
    desk.counter.want("1")
    for name in ("vendors", "customers"):
        desk.counter.options |= {"approval": True, "name": name, "target": f"shop/{name}"}
        flows.append(desk.counter.flow)
        made.append(desk.counter.plan())
        Approvals(ledger, desk.source.now).decide(made[-1].plan, made[-1].content_hash, "approved", who="controller")
    with ledger.write() as db:
        db.execute(text("UPDATE approvals SET who = 'eve' WHERE plan = :plan"), {"plan": made[0].plan})
    definitions = build_definitions(desk.source.settings, desk.source, (), [lambda settings, entities: deliveries(settings, entities, flows)])
    sensor = definitions.resolve_sensor_def("approved_plans")

    def tick() -> list[dg.RunRequest]:
        context = dg.build_sensor_context(instance=desk.instance, resources={"sage300": desk.source})
        return list(sensor.evaluate_tick(context).run_requests or ())

    (request,) = tick()
    assert request.asset_selection == [dg.AssetKey(["samltd", "delivery", "customers"])]
    desk.counter.clock.moment = datetime.now(UTC)
    desk.counter.deliver(made[1])
    with pytest.raises(LedgerBroken, match=made[0].plan):
        tick()


def test_what_was_refused_is_shown_with_its_cure(desk: Desk) -> None:
    desk.counter.shop.before = once(DataError("Account 9999 is inactive.", cure="Activate it."))
    desk.counter.want("1")
    result = desk.run()
    assert result.success
    assert _checks(result)["everything_taken"] is False
    letters = str(_metadata(result, "samltd", "delivery", "vendors")["dead_letters"])
    assert "Account 9999 is inactive." in letters
    assert "Activate it." in letters


def test_the_switch_for_dry_runs_holds_everything(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELIVERY_DRY_RUN", "true")
    desk.counter.want("1")
    result = desk.run()
    assert result.success
    assert str(_metadata(result, "samltd", "delivery", "vendors")["outcome"]).startswith("dry")
    assert desk.counter.shop.kept == []


def _last_sent(ledger: Ledger) -> int:
    with ledger.read() as db:
        return int(db.execute(text("SELECT max(sequence) FROM records_sent")).scalar_one())


def test_a_plan_and_what_was_sent_name_the_end_of_the_trail_and_a_cut_tail_is_noticed(desk: Desk) -> None:
    ledger = desk.counter.ledger
    desk.counter.want("1", "2")
    result = desk.run()
    plan, delivery = (Anchor.parse(str(_metadata(result, "samltd", kind, "vendors")["audit_head"])) for kind in ("plan", "delivery"))
    assert plan is not None
    assert delivery is not None
    last = _last_sent(ledger)
    assert plan.sequence < last <= delivery.sequence
    kept = list(instance_anchors(desk.instance))
    assert {plan, delivery} <= {one.anchor for one in kept}
    assert verify(ledger, kept).broken is None
    cut(ledger, last - 1)
    assert verify(ledger).broken is None, "nothing in the ledger itself shows it"
    broken = verify(ledger, kept).broken
    assert broken is not None
    assert broken.kind is Tampering.OLD_COPY
    assert "delivery/vendors" in broken.message


def test_what_left_before_a_delivery_failed_names_the_end_of_the_trail_too(desk: Desk) -> None:
    def refuse_the_second(shop: Shop, _item: object) -> None:
        if shop.kept:
            raise AccessError("The shop does not let us in.", cure="Renew the key.")

    desk.counter.shop.before = refuse_the_second
    desk.counter.want("1", "2")
    assert not desk.run().success
    assert len(desk.counter.shop.kept) == 1
    kept = list(instance_anchors(desk.instance))
    assert max(one.anchor.sequence for one in kept) >= _last_sent(desk.counter.ledger)
    assert verify(desk.counter.ledger, kept).broken is None
