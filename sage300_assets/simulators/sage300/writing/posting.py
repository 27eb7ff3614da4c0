"""Posting: a batch that is ready becomes ledger lines, open items, balances and sums, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sage300_assets.simulators.sage300.amounts import cents, money, number
from sage300_assets.simulators.sage300.bills import Bill, Part
from sage300_assets.simulators.sage300.journals import JournalBatches, PostedTransactions, Spot
from sage300_assets.simulators.sage300.ledger import Entry, Line, Posting
from sage300_assets.simulators.sage300.lists import RATE_UNIT, Party
from sage300_assets.simulators.sage300.shapes import Row
from sage300_assets.simulators.sage300.trade import Trade
from sage300_assets.simulators.sage300.writing.desk import PAYABLES, PAYMENTS, Cash, Desk, Side, cash_of, side_of
from sage300_assets.simulators.sage300.writing.rules import is_credit, reversal_period

ZERO = Decimal(0)
EXCHANGE = "7000100"


class Booking(NamedTuple):
    """One line on its way into the ledger."""

    place: int
    """Of its entry in the batch."""
    entry: Entry
    line_number: int
    line: Line
    fiscal: tuple[str, str]
    source: tuple[str, str]
    """Source ledger and type."""


class Poster:
    """Posts the batches of one company."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        entities = desk.world.entities
        self._batches = JournalBatches(desk.company, entities["GLJournalBatches"])
        self._lines = PostedTransactions(desk.company, entities["GLPostedTransactions"])

    def post(self, resource: str, batch: Row) -> None:
        """Post a batch that has been checked."""
        if resource == "GLJournalBatches":
            self._journals(batch)
        elif (cash := cash_of(resource)) is not None:
            self._payments(resource, cash, batch)
        else:
            self._invoices(resource, batch)
        for changed in ("GLAccountFiscalSets", "APVendors", "ARCustomers", "APPostedDocuments", "ARPostedDocuments"):
            if changed in self.desk.world.entities:
                self.desk.world.store(self.desk.company.code, changed).touch()

    def _put(self, resource: str, record: Row) -> None:
        self.desk.world.put(self.desk.company.code, resource, record)

    # The ledger.

    def _journals(self, batch: Row) -> None:
        sequence = self.desk.books.ledger.take_sequence()
        closed = {"EligibleForEditSwitch": "No", "EligibleForDeleteSwitch": "No", "EligibleForPostingSwitch": "No", "ReadyToPost": "No"}
        batch.update(closed, Status="Posted", OriginalStatus="Posted", PostingSequence=number(sequence), DateLastEdited=self.desk.today)
        posting = Posting("GL", "", int(batch["BatchNumber"]), sequence, self.desk.today, batch["Description"], ())
        self._book(posting, list(self._own_lines(batch)))
        self._put("GLJournalBatches", batch)
        reversing = [h for h in batch["JournalHeaders"] if h["AutoReversal"] == "Yes"]
        if reversing:
            self._reverse(batch, reversing)

    def _own_lines(self, batch: Row) -> Iterator[Booking]:
        for place, header in enumerate(batch["JournalHeaders"], 1):
            for line_place, detail in enumerate(header["JournalDetails"], 1):
                line = Line(detail["AccountNumber"], cents(detail["Amount"]), cents(detail["SourceCurrencyAmount"]), detail["Description"])
                rate = int(detail["CurrencyRate"] * RATE_UNIT)
                entry = Entry(header["DocumentDate"], header["Description"], detail["Reference"], "", detail["SourceCurrency"], rate, (line,))
                fiscal = (header["FiscalYear"], header["FiscalPeriod"])
                yield Booking(place, entry, line_place, line, fiscal, (header["SourceLedger"], header["SourceType"]))

    def _reverse(self, batch: Row, headers: Sequence[Row]) -> None:
        made = self.desk.books.ledger.take_batch_number()
        reversed_batch = {**batch, "BatchNumber": f"{made:06d}", "Description": f"Reversal of batch {batch['BatchNumber']}"}
        reversed_batch["JournalBatchType"] = "Generated"
        reversed_batch["JournalHeaders"] = [self._reversed(header, f"{made:06d}", place) for place, header in enumerate(headers, 1)]
        total = sum((h["Debits"] for h in reversed_batch["JournalHeaders"]), ZERO)
        entries = number(len(headers))
        reversed_batch.update(Debits=total, Credits=total, NumberOfEntries=entries, NextEntryNumber=entries + 1)
        self._journals(reversed_batch)

    def _reversed(self, header: Row, made: str, place: int) -> Row:
        year, period = reversal_period(header, self.desk)
        day = self.desk.company.period_start(int(year), int(period))
        changed = {"BatchNumber": made, "EntryNumber": f"{place:05d}", "AutoReversal": "No", "FiscalYear": year, "FiscalPeriod": period}
        lines = [
            {
                **detail,
                "BatchNumber": made,
                "EntryNumber": f"{place:05d}",
                "JournalDate": day,
                "Amount": -detail["Amount"],
                "SourceCurrencyAmount": -detail["SourceCurrencyAmount"],
            }
            for detail in header["JournalDetails"]
        ]
        return {**header, **changed, "DocumentDate": day, "PostingDate": day, "JournalDetails": lines}

    def _book(self, posting: Posting, bookings: Sequence[Booking]) -> None:
        for count, (place, entry, line_place, line, fiscal, source) in enumerate(bookings, 1):
            row = self._lines.build(Spot(posting, place, entry, line_place, line, count))
            row["FiscalYear"], row["FiscalPeriod"] = fiscal
            row["SourceLedgerCode"], row["SourceTypeCode"] = source
            self._put("GLPostedTransactions", row)
            self.desk.books.ledger.book(line.account, fiscal, entry.currency, line.home, line.source)

    def _from_subledger(self, side: Side, kind: str, text: str, entries: Sequence[Entry]) -> None:
        ledger = self.desk.books.ledger
        posting = Posting(side.ledger, kind, ledger.take_batch_number(), ledger.take_sequence(), self.desk.today, text, tuple(entries))
        self._put("GLJournalBatches", self._batches.build(posting))
        lines = [
            Booking(place, entry, line_place, line, self.desk.company.fiscal(entry.day), (side.ledger, kind))
            for place, entry in enumerate(entries, 1)
            for line_place, line in enumerate(entry.lines, 1)
        ]
        self._book(posting, lines)

    # Bills.

    def _trade(self, side: Side) -> Trade:
        return self.desk.books.payables if side.ledger == "AP" else self.desk.books.receivables

    def _party(self, side: Side, code: str) -> Party | None:
        kind, get = ("vendor", self.desk.lists.vendor) if side.ledger == "AP" else ("customer", self.desk.lists.customer)
        return next((p for n in range(self.desk.lists.grown(kind, self.desk.today)) if (p := get(n)).code == code), None)

    def _control(self, side: Side, currency: str) -> str:
        return self.desk.lists.payables(currency) if side.ledger == "AP" else self.desk.lists.receivables(currency)

    def _invoices(self, resource: str, batch: Row) -> None:
        side = side_of(resource)
        sequence = number(int(batch["BatchNumber"]) + 1)
        batch.update(BatchStatus="Posted", PostingSequenceNumber=sequence, DateLastEdited=self.desk.today, BatchPrintedFlag="Yes")
        self._put(resource, batch)
        entries = [self._bill(side, batch, bill, sequence) for bill in batch["Invoices"]]
        text = f"{'Invoices' if side.ledger == 'AP' else 'Sales'} batch {batch['BatchNumber']}"
        self._from_subledger(side, "IN", text, entries)

    def _bill(self, side: Side, batch: Row, bill: Row, sequence: Decimal) -> Entry:
        rate = bill["ExchangeRate"]
        sign = (-1 if is_credit(bill) else 1) * side.sign
        total = bill["DocumentTotalIncludingTax"]
        home = self.desk.home(total, rate)
        tax_account = "1350100" if side.ledger == "AP" else "2200100"
        parts = [(d[side.detail_account], d[side.detail_net], bill["InvoiceDescription"]) for d in bill["InvoiceDetails"]]
        parts += [(tax_account, bill[f"TaxAmount{n}"], "Tax") for n in range(1, 6) if bill[f"TaxAmount{n}"]]
        lines, rest = [], home
        for place, (account, amount, text) in enumerate(parts):
            share = rest if place == len(parts) - 1 else self.desk.home(amount, rate)
            rest -= share
            lines.append(Line(account, sign * cents(share), sign * cents(amount), text))
        control = self._control(side, bill["CurrencyCode"])
        lines.append(Line(control, -sign * cents(home), -sign * cents(total), bill["InvoiceDescription"]))
        self._open_item(side, batch, bill, sequence, home)
        self._apply(side, bill, home)
        party = bill[side.party]
        text = bill["InvoiceDescription"] or party
        return Entry(bill["DocumentDate"], text, bill["DocumentNumber"], party, bill["CurrencyCode"], int(rate * RATE_UNIT), tuple(lines))

    def _open_item(self, side: Side, batch: Row, bill: Row, sequence: Decimal, home: Decimal) -> None:
        sign = -1 if is_credit(bill) else 1
        total = bill["DocumentTotalIncludingTax"]
        party = self._party(side, bill[side.party])
        same = ("DocumentNumber", "DueDate", "TransactionType", "DocumentType", "OrderNumber", "PONumber", "DocumentDate", "Terms", "CurrencyCode")
        values: dict[str, Any] = {
            **{name: bill[name] for name in (*same, side.party, "RateType", "ExchangeRate", "FiscalYear", "FiscalPeriod", "EntryNumber")},
            "BatchNumber": batch["BatchNumber"],
            "BatchDate": batch["BatchDate"],
            "AsOfDate": bill["AsOfDate"],
            "AsofDate": bill["AsOfDate"],
            "GroupCode": party.group if party else "",
            "DocumentDescription": bill["InvoiceDescription"],
            "FunctionalCurrencyInvoiceAmount": sign * home,
            "FunctionalCurrencyAmountDue": sign * home,
            f"{side.amount}InvoiceAmount": sign * total,
            f"{side.amount}AmountDue": sign * total,
            f"{side.amount}TaxAmount": sign * sum((bill[f"TaxAmount{n}"] for n in range(1, 6)), ZERO),
            "FullyPaid": "No",
            "LastActivityDate": self.desk.today,
            "NumberOfScheduledPayments": number(1),
            "PostingDate": self.desk.today,
            "PostingSequenceNumber": sequence,
        }
        shape = self.desk.company.shapes[side.documents]
        self._put(side.documents, {name: value for name, value in values.items() if name in shape.names})
        if party is not None:
            self._trade(side).owe(party.index, cents(sign * total), cents(sign * home), 1)

    def _apply(self, side: Side, bill: Row, home: Decimal) -> None:
        """A note that names a document is taken off that at once, and is settled by it."""
        documents = [self.desk.record(side.documents, bill[side.party], bill[name]) for name in ("DocumentNumber", "ApplytoDocument") if bill[name]]
        if len(documents) == 2:
            note, target = documents
            sign = -1 if is_credit(bill) else 1
            amount, home = sign * bill["DocumentTotalIncludingTax"], sign * home
            if note is not None and target is not None:
                self._settle(side, note, amount, home, "CN")
                self._settle(side, target, -amount, -home, "CN")

    # Payments and adjustments.

    def _payments(self, resource: str, cash: Cash, batch: Row) -> None:
        batch.update(BatchStatus="Posted", PostingSequenceNumber=batch["BatchNumber"] + 1, DateLastEdited=self.desk.today)
        self._put(resource, batch)
        entries = [self._payment(cash, batch, entry) for entry in batch[cash.entries]]
        kind = "AD" if batch[cash.selector] == "AD" else "PY"
        text = "Adjustments" if kind == "AD" else "Payments" if cash.side.ledger == "AP" else "Receipts"
        self._from_subledger(cash.side, kind, f"{text} batch {batch['BatchNumber']}", entries)

    def _payment(self, cash: Cash, batch: Row, entry: Row) -> Entry:
        day = entry[cash.day] or batch["BatchDate"]
        lines: list[Line] = []
        party = entry[cash.side.party]
        currency, rate = self.desk.company.home, Decimal(1)
        for applied in entry[cash.applied]:
            document = self.desk.record(cash.side.documents, party, applied["DocumentNumber"])
            assert document is not None  # the rules have looked
            currency, rate = document["CurrencyCode"], document["ExchangeRate"]
            if batch[cash.selector] == "AD":
                lines += self._adjustment(entry, applied, document)
            else:
                lines += self._paid(cash, batch, entry, applied, document, day)
        if batch[cash.selector] != "AD":
            (self._posted_payment if cash is PAYMENTS else self._posted_receipt)(batch, entry, day)
        reference = entry["EntryReference"] or entry[cash.applied][0]["DocumentNumber"]
        text = entry["EntryDescription"] or entry[cash.payee]
        return Entry(day, text, reference, party, currency, int(rate * RATE_UNIT), tuple(lines))

    def _adjustment(self, entry: Row, applied: Row, document: Row) -> list[Line]:
        """A distribution is what its account gets, debits positive; the vendor's account gets the opposite, and the document owes as much more."""
        lines, owed, home_owed = [], ZERO, ZERO
        for spread in applied["AdjustmentGLDistributions"]:
            amount = spread["DistributionAmount"]
            home = self.desk.home(amount, document["ExchangeRate"])
            lines.append(Line(spread["DistributionGLAccount"], cents(home), cents(amount), entry["EntryDescription"]))
            owed += amount
            home_owed += home
        lines.append(Line(self._control(PAYABLES, document["CurrencyCode"]), -cents(home_owed), -cents(owed), entry["EntryDescription"]))
        self._settle(PAYABLES, document, -owed, -home_owed, "AD")
        return lines

    def _paid(self, cash: Cash, batch: Row, entry: Row, applied: Row, document: Row, day: date) -> list[Line]:
        amount, currency, sign = applied[cash.paid], document["CurrencyCode"], cash.side.sign
        home = self.desk.home(amount, document["ExchangeRate"])
        paid = self.desk.home(amount, self.desk.rate(currency, day))
        bank = self.desk.record("BKBanks", batch["BankCode"])
        assert bank is not None  # the rules have looked
        text = entry[cash.payee]
        lines = [Line(self._control(cash.side, currency), sign * cents(home), sign * cents(amount), text)]
        lines.append(Line(bank["BankAccount"], -sign * cents(paid), -sign * cents(amount), text))
        if home != paid:
            lines.append(Line(EXCHANGE, sign * cents(paid - home), 0, "Exchange difference"))
        self._settle(cash.side, document, amount, home, "PY")
        return lines

    def _settle(self, side: Side, document: Row, amount: Decimal, home: Decimal, kind: str) -> None:
        key = (document[side.party], document["DocumentNumber"])
        draft = self.desk.draft(side.documents, *key)
        today, trade = self.desk.today, self._trade(side)
        if draft is not None and isinstance(draft.ref, Bill):
            bill = draft.ref
            trade.adjust(bill, Part(today, bill.sign * cents(amount), 0, kind, today, 0, bill.sign * cents(home)))
            return
        due, home_due = document[f"{side.amount}AmountDue"] - amount, document["FunctionalCurrencyAmountDue"] - home
        paid = {"FullyPaid": "No" if due else "Yes", "DatePaid": None if due else today}
        changed = {f"{side.amount}AmountDue": due, "FunctionalCurrencyAmountDue": home_due, "LastActivityDate": today, **paid}
        self._put(side.documents, {side.party: key[0], "DocumentNumber": key[1], **changed})
        party = self._party(side, key[0])
        if party is not None:
            trade.owe(party.index, -cents(amount), -cents(home), 0 if due else -1)

    def _posted_payment(self, batch: Row, entry: Row, day: date) -> None:
        serial = int(batch["BatchNumber"]) * 1000 + int(entry["EntryNumber"])
        year, period = self.desk.company.fiscal(day)
        currency = batch["BankCurrencyCode"]
        amount = entry["CheckAmountInVendorCurrency"]
        rate = self.desk.rate(currency, day)
        self._put(
            "APPostedPayments",
            {
                "BankCode": batch["BankCode"],
                "VendorNumber": entry["VendorNumber"],
                "CheckNumber": entry["CheckNumber"] or f"{serial:012d}",
                "CheckSerialNumber": number(serial),
                "CheckDate": day,
                "BatchDate": batch["BatchDate"],
                "CheckAmountVendorCurrency": amount,
                "PaymentAmount": amount,
                "PaymentCurrency": currency,
                "BankExchangeRate": rate,
                "FiscalYear": year,
                "FiscalPeriod": period,
                "BatchNumber": batch["BatchNumber"],
                "EntryNumber": entry["EntryNumber"],
                "CheckCleared": "Outstanding",
                "CheckAmountFunctionalCurrency": self.desk.home(amount, rate),
                "DocumentType": "Payment",
                "DocumentNumber": f"PY{serial}",
                "PaymentType": "Check",
                "AmountAdjusted": money(0),
                "InvoiceNumber": entry["AppliedPayments"][0]["DocumentNumber"],
                "PostingDate": self.desk.today,
            },
        )

    def _posted_receipt(self, batch: Row, entry: Row, day: date) -> None:
        year, period = self.desk.company.fiscal(day)
        currency, amount = entry["CustomerCurrencyCode"], entry["CustomerReceiptAmount"]
        rate = self.desk.rate(currency, day)
        number_ = f"{int(batch['BatchNumber'])}{int(entry['EntryNumber']):03d}"
        self._put(
            "ARPostedReceipts",
            {
                "BankCode": batch["BankCode"],
                "CustomerNumber": entry["CustomerNumber"],
                "CheckReceiptNumber": entry["CheckReceiptNumber"] or f"{number_:>012}",
                "DepositSerialNumber": int(batch["BatchNumber"]),
                "DepositLineNumber": int(entry["EntryNumber"]),
                "ReceiptDate": day,
                "DepositNumber": batch["BatchNumber"],
                "BatchDate": batch["BatchDate"],
                "CustomerReceiptAmount": amount,
                "BankReceiptAmount": amount,
                "CurrencyCode": currency,
                "BankRateType": "SP",
                "BankExchangeRate": rate,
                "DateLastMaintained": self.desk.today,
                "FiscalYear": year,
                "FiscalPeriod": period,
                "Payer": entry["Payer"],
                "BatchNumber": batch["BatchNumber"],
                "EntryNumber": entry["EntryNumber"],
                "CheckCleared": "Outstanding",
                "FunctionalReceiptAmount": self.desk.home(amount, rate),
                "DocumentType": "Receipt",
                "DocumentNumber": f"CA{number_}",
                "RateOperator": 1,
                "PaymentType": "Check",
                "InvoiceNumber": entry["AppliedReceiptsAdjustments"][0]["DocumentNumber"],
                "PostingDate": self.desk.today,
            },
        )
