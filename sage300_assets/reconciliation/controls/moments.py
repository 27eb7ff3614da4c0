"""Records that belong together and were read minutes apart: what a posting between the two reads explains."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reads:
    """What was entered, in batches, and what was posted of it: two entities with a read of each."""

    entries: str
    """Alias of what was entered. It has `posted`, whether its batch is posted as far as the lake knows, `batch_read` and `sequence`."""
    batches: str
    """Resource of the batches."""
    records: str
    """Resource of what was posted, whose alias is `p`."""
    missing: str
    """That there is no such posted record."""
    absent: str
    """How that is told."""
    newest: str
    """The newest posting of which there are records."""
    day: str = ""
    """When the record was posted or last changed, as it says itself. That it was read later proves nothing: the last days are always read again."""
    since: str = "true"
    """Where it has no such day: that it may have been posted after the batches were read."""

    def explain(self, amount: str) -> dict[str, str]:
        """Explanation and reason of a difference, for a pair of amounts of which this one was entered.

        Nothing more than the entered amount is ever explained: where what was posted is another one, the rest stays a difference.
        """
        posted = f"{self.entries}.posted"
        # The batches were last read before the record was: by then somebody had posted it. Once they are read again, this holds no more.
        moment = f"least(p._read_at, end_of_day({self.day}))" if self.day else "p._read_at"
        later = f"({posted} = false AND NOT ({self.missing}) AND last_read('{self.batches}') < {moment} AND {self.since})"
        # The batch belongs to a posting that is newer than any of which there are records, and these were read before it.
        newer = (
            f"({posted} AND {self.missing} AND last_read('{self.records}') < {self.entries}.batch_read AND {self.entries}.sequence > {self.newest})"
        )
        return {
            "explained": f"CASE WHEN {later} THEN {amount} WHEN {newer} THEN -({amount}) ELSE 0 END",
            "reason": f"CASE WHEN {later} THEN 'posted after its batch was read' WHEN {newer} THEN 'posted after the others were read'"
            f" WHEN {self.missing} THEN '{self.absent}' WHEN {posted} IS DISTINCT FROM true THEN 'not in its batch' ELSE '' END",
        }


def since_the_posting(records: str, batches: str) -> str:
    """That a record belongs to a posting that nobody had seen when the batches were last read; where nobody had looked, it may be any."""
    looked = f"EXISTS (SELECT 1 FROM marks WHERE resource = '{records}')"
    return f"p.PostingSequenceNumber > coalesce(newest_posting_before('{records}', '{batches}'), CASE WHEN {looked} THEN 0 END)"


def newest_posting(table: str, column: str = "PostingSequenceNumber", where: str = "true") -> str:
    """The highest number of a posting in a table."""
    return f"(SELECT coalesce(max({column}), 0) FROM {table} WHERE {where})"


LATER_LINES = """_read_at > last_read('GLAccountFiscalSets')
    AND PostingSequenceNumber > newest_posting_before('GLPostedTransactions', 'GLAccountFiscalSets')"""
"""Which posted lines the balances may not have in them: read after them, and of a posting that nobody had seen when they were read."""
AFTER_THE_SETS = "posted after the fiscal sets were read"


def last_sums(of: str, lines: str) -> str:
    """For each of these columns: what the last posting adds up to, the last two, and so on; each of them may have come after the balances."""
    return f"""SELECT {of}, list(last) AS sums FROM (
        SELECT {of}, sum(sum(amount)) OVER (PARTITION BY {of} ORDER BY PostingSequenceNumber DESC) AS last
        FROM {lines} GROUP BY {of}, PostingSequenceNumber) GROUP BY ALL"""
