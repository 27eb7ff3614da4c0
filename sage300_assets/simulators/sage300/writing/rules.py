"""What the business layer checks before a batch is kept, and again before it is posted. It says everything it has to say at once."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sage300_assets.simulators.sage300.lists import TAX_GROUPS
from sage300_assets.simulators.sage300.shapes import Row
from sage300_assets.simulators.sage300.writing.desk import Cash, Desk, Side, cash_of, side_of

ZERO = Decimal(0)


def objections(resource: str, batch: Row, desk: Desk) -> list[str]:
    """Everything that is wrong with a batch."""
    if resource == "GLJournalBatches":
        return [text for header in batch["JournalHeaders"] for text in _journal(header, desk)]
    cash = cash_of(resource)
    if cash is not None:
        return [text for entry in batch[cash.entries] for text in _payment(entry, batch, cash, desk)]
    return [text for bill in batch["Invoices"] for text in _invoice(bill, side_of(resource), desk)]


def total(resource: str, batch: Row) -> None:
    """Bring the sums of a batch up to date."""
    if resource == "GLJournalBatches":
        for header in batch["JournalHeaders"]:
            debits = sum((d["Amount"] for d in header["JournalDetails"] if d["Amount"] > 0), ZERO)
            credits_ = -sum((d["Amount"] for d in header["JournalDetails"] if d["Amount"] < 0), ZERO)
            header.update(Debits=debits, Credits=credits_, OutOfBalanceBy=debits - credits_, NumberOfDetails=Decimal(len(header["JournalDetails"])))
        headers = batch["JournalHeaders"]
        batch["Debits"] = sum((h["Debits"] for h in headers), ZERO)
        batch["Credits"] = sum((h["Credits"] for h in headers), ZERO)
        batch["NumberOfEntries"] = Decimal(len(headers))
        batch["NextEntryNumber"] = Decimal(len(headers) + 1)
        return
    cash = cash_of(resource)
    if cash is not None:
        entries = batch[cash.entries]
        batch["NumberOfEntries"] = Decimal(len(entries))
        adjusting = batch[cash.selector] == "AD"
        batch["BatchTotal"] = sum((_distributed(e) if adjusting else e[cash.amount] for e in entries), ZERO)
        return
    bills = batch["Invoices"]
    batch["NumberOfEntries"] = batch["LastEntryNumber"] = Decimal(len(bills))
    batch["BatchTotal"] = sum((-b["DocumentTotalIncludingTax"] if is_credit(b) else b["DocumentTotalIncludingTax"] for b in bills), ZERO)


def is_credit(bill: Row) -> bool:
    """Whether a bill is a credit note."""
    return bool(bill["DocumentType"] == "CreditNote")


def _distributed(entry: Row) -> Decimal:
    return sum((d["DistributionAmount"] for a in entry["AppliedPayments"] for d in a["AdjustmentGLDistributions"]), ZERO)


def _period(year: str, period: str, desk: Desk) -> Iterator[str]:
    if not desk.period_is_open(year, period):
        yield f"Fiscal period {year}-{period} is not open."


def _account(code: str, desk: Desk) -> Iterator[str]:
    listed = desk.account(code)
    if listed is None:
        yield f"Account {code or '(blank)'} does not exist."
    elif listed["Status"] != "Active":
        yield f"Account {code} is inactive."
    elif listed["ControlAccount"] == "Yes":
        yield f"Account {code} is a control account; only its subledger posts to it."


def _journal(header: Row, desk: Desk) -> Iterator[str]:
    where = f"Entry {header['EntryNumber']}"
    if header["DocumentDate"] is None:
        yield f"{where}: the document date is missing."
    yield from (f"{where}: {text}" for text in _period(header["FiscalYear"], header["FiscalPeriod"], desk))
    if desk.record("GLSourceCodes", header["SourceLedger"], header["SourceType"]) is None:
        yield f"{where}: source code {header['SourceLedger']}-{header['SourceType']} does not exist."
    lines = header["JournalDetails"]
    if not lines:
        yield f"{where}: the entry has no details."
    for line in lines:
        yield from (f"{where}, line {line['TransactionNumber']}: {text}" for text in _account(line["AccountNumber"], desk))
        if line["SourceCurrency"] not in desk.lists.currency_sets:
            yield f"{where}, line {line['TransactionNumber']}: currency {line['SourceCurrency']} is not in use."
    out = sum((line["Amount"] for line in lines), ZERO)
    if out:
        yield f"{where}: the entry is out of balance by {out}."
    if header["AutoReversal"] == "Yes":
        yield from (f"{where}, reversal: {text}" for text in _period(*reversal_period(header, desk), desk))


def reversal_period(header: Row, desk: Desk) -> tuple[str, str]:
    """Where an entry that reverses itself is reversed: where it says, or in the next period."""
    if header["SpecificReversalYear"] and header["SpecificReversalPeriod"]:
        return header["SpecificReversalYear"], header["SpecificReversalPeriod"]
    return desk.next_period(header["FiscalYear"], header["FiscalPeriod"]) if header["FiscalPeriod"].isdigit() else ("", "")


def _invoice(bill: Row, side: Side, desk: Desk) -> Iterator[str]:
    where = f"Entry {bill['EntryNumber']}"
    party = desk.record(side.parties, bill[side.party])
    if party is None:
        yield f"{where}: {side.party} {bill[side.party] or '(blank)'} does not exist."
    elif party["Status"] != "Active":
        yield f"{where}: {side.party} {bill[side.party]} is inactive."
    elif bill["CurrencyCode"] != party["CurrencyCode"]:
        yield f"{where}: the currency is {bill['CurrencyCode'] or '(blank)'}, that of {side.party} {bill[side.party]} is {party['CurrencyCode']}."
    if not bill["DocumentNumber"]:
        yield f"{where}: the document number is missing."
    if bill["DocumentDate"] is None:
        yield f"{where}: the document date is missing."
    else:
        yield from (f"{where}: {text}" for text in _period(bill["FiscalYear"], bill["FiscalPeriod"], desk))
    if not bill["InvoiceDetails"]:
        yield f"{where}: the document has no details."
    if bill["TaxGroup"] not in TAX_GROUPS:
        yield f"{where}: tax group {bill['TaxGroup'] or '(blank)'} does not exist."
    for line in bill["InvoiceDetails"]:
        yield from (f"{where}, line {line['LineNumber']}: {text}" for text in _distribution(line, side, desk))
    lines = sum((line[side.detail_net] for line in bill["InvoiceDetails"]), ZERO)
    taxes = sum((bill[f"TaxAmount{n}"] for n in range(1, 6)), ZERO)
    if lines + taxes != bill["DocumentTotalIncludingTax"]:
        yield f"{where}: the details and taxes come to {lines + taxes}, the document to {bill['DocumentTotalIncludingTax']}."


def _distribution(line: Row, side: Side, desk: Desk) -> Iterator[str]:
    code, account = line["DistributionCode"], line[side.detail_account]
    if code and not account and desk.distribution(side, code) is None:
        yield f"distribution code {code} does not exist."
    else:
        yield from _account(account, desk)


def _payment(entry: Row, batch: Row, cash: Cash, desk: Desk) -> Iterator[str]:
    where = f"Entry {entry['EntryNumber']}"
    party = desk.record(cash.side.parties, entry[cash.side.party])
    if party is None:
        yield f"{where}: {cash.side.party} {entry[cash.side.party] or '(blank)'} does not exist."
        return
    day = entry[cash.day] or batch["BatchDate"]
    yield from (f"{where}: {text}" for text in _period(*desk.company.fiscal(day), desk))
    if not entry[cash.applied]:
        yield f"{where}: nothing is applied."
    for applied in entry[cash.applied]:
        yield from (f"{where}, line {applied['LineNumber']}: {text}" for text in _applied(applied, entry, batch, cash, desk))
    if batch[cash.selector] == cash.kind:
        paid = sum((a[cash.paid] for a in entry[cash.applied]), ZERO)
        if paid != entry[cash.amount]:
            what = "check" if cash.side.ledger == "AP" else "receipt"
            yield f"{where}: {paid} is applied of a {what} of {entry[cash.amount]}."
        bank = desk.record("BKBanks", batch["BankCode"])
        if bank is None:
            yield f"Bank {batch['BankCode'] or '(blank)'} does not exist."
        elif bank["StatementCurrency"] != party["CurrencyCode"]:
            # The two sides of such a payment would be lines of two currencies; here an entry has one.
            currency = party["CurrencyCode"]
            yield f"{where}: bank {batch['BankCode']} holds {bank['StatementCurrency']}; this simulator moves {currency} through its own bank only."


def _applied(applied: Row, entry: Row, batch: Row, cash: Cash, desk: Desk) -> Iterator[str]:
    party = entry[cash.side.party]
    document = desk.record(cash.side.documents, party, applied["DocumentNumber"])
    if document is None:
        who = "vendor" if cash.side.ledger == "AP" else "customer"
        yield f"document {applied['DocumentNumber'] or '(blank)'} does not exist for {who} {party}."
    elif batch[cash.selector] == "AD":
        if not applied["AdjustmentGLDistributions"]:
            yield "the adjustment has no distributions."
        for spread in applied["AdjustmentGLDistributions"]:
            yield from _account(spread["DistributionGLAccount"], desk)
    elif abs(applied[cash.paid]) > abs(due := document[f"{cash.side.amount}AmountDue"]):
        yield f"{applied[cash.paid]} is more than the {due} that is due."
