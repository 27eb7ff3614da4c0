from __future__ import annotations

from sqlalchemy import text

from sage300_assets.catalogue import find
from sage300_assets.intake.story import anchors
from sage300_assets.ledger.verify import verify
from sage300_assets.ledger.walk import Tampering
from sage300_assets.orchestration.audit import instance_anchors
from sage300_assets_tests.orchestration.conftest import House


def test_a_run_names_the_end_of_the_trail_in_its_metadata_and_a_cut_ledger_is_noticed(house: House) -> None:
    ledger = house.source.keeper.ledger
    entity = find("GLAccounts")
    with ledger.read() as db:
        begun = db.execute(text("SELECT sequence, hash FROM audit_head")).one()
    assert house.run(entity).success
    kept = list(instance_anchors(house.instance))
    assert {one.anchor for one in kept} == {one.anchor for one in anchors(house.source.lake, [("SAMLTD", entity)])}
    verdict = verify(ledger, kept)
    assert (verdict.broken, verdict.anchors) == (None, 1)
    with ledger.read() as db:
        partition, run = db.execute(text("SELECT partition, run FROM api_calls WHERE address LIKE '%GLAccounts%' LIMIT 1")).one()
        how = db.execute(text("SELECT how FROM runs WHERE run = :run"), {"run": run}).scalar()
    assert partition
    assert how == "Dagster"
    with ledger.write() as db:
        for table in ("audit_chain", "api_calls", "page_reads", "audit_events"):
            db.execute(text(f"DELETE FROM {table} WHERE sequence > {begun.sequence}"))
        db.execute(text("UPDATE audit_head SET sequence = :s, hash = :h"), {"s": begun.sequence, "h": begun.hash})
    assert verify(ledger).broken is None
    broken = verify(ledger, kept).broken
    assert broken is not None
    assert broken.kind is Tampering.OLD_COPY
