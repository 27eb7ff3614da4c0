"""General ledger: accounts, their balances, and journals before and after posting."""

from __future__ import annotations

from sage300_assets.catalogue.model import Cadence, Dated, Entity, History, Snapshot, Stamped, Tie, collection, entity

ENTITIES: tuple[Entity, ...] = (
    entity(
        "GLAccounts",
        view="GL0001",
        key="UnformattedAccount",
        # Daily, because amounts on an account that is not known yet are in no statement.
        reading=Snapshot(),
        description="The chart of accounts, with each account's segments, group and posting rules.",
        # The block of AcctSelector... members is left out: it holds the ranges of a roll-up preview, not the account.
        fields="""
            UnformattedAccount DateCreated:day Description AccountType NormalBalanceDRCR Status PostToAccount QuantitiesAllowed UnitOfMeasure
            AllocationsAllowed AllocOffsetAccount AllocSourceType Multicurrency SpecificCurrency ControlAccount AllocationPercentTotal:percent
            StructureCode YearLastClosed:int AccountNumber AccountSegmentCode1-10 SegmentCode PostToSegmentID DefaultCurrencyCode
            NumberOfOptionalFields:int TransactionOptionalFields:int ProcessSwitch AccountGroupCode AccountGroupSortCode RollupSwitch
            RollupMemberNonRollup NumberOfcreatedpreviewaccounts:int RollupMembersInOtherAccounts:int
        """,
        optional_fields="AccountOptionalFields",
    ),
    entity(
        "GLAccountGroups",
        view="GL0055",
        key="AccountGroupCode",
        reading=Snapshot(),
        cadence=Cadence.WEEKLY,
        description="Groups of accounts and the category each belongs to, as financial statements arrange them.",
        fields="AccountGroupCode AccountGroupDescription? AccountGroupSortCode? GroupCategory?",
    ),
    entity(
        "GLSegmentCodes",
        view="GL0021",
        key="SegmentNumber SegmentCode",
        reading=Snapshot(),
        cadence=Cadence.WEEKLY,
        description="Codes of each account segment, such as divisions and regions.",
        fields="SegmentNumber SegmentCode Description? ClosingAccount?",
    ),
    entity(
        "GLSourceCodes",
        view="GL0002",
        key="SourceLedger SourceType",
        reading=Snapshot(),
        cadence=Cadence.WEEKLY,
        description="Ledger and type codes that say where a journal entry came from.",
        fields="SourceLedger SourceType Description",
    ),
    entity(
        "GLAccountFiscalSets",
        view="GL0103",
        # A foreign currency has a source and an equivalent row per account, year and set: only the currency type tells them apart.
        key="AccountNumber Fiscalsetyear FiscalsetDesignator Currencycode Currencytype",
        reading=Snapshot(),
        description="Opening balance and net change per period of each account, year, currency and set (actuals, budgets, quantities).",
        fields="""
            AccountNumber Fiscalsetyear FiscalsetDesignator Currencycode Currencytype? Sourcecurrencydecimals:int? BeginningBalance:money?
            Period01-15netamount:money? Allowspecificcurrenciesswitch? Processasytdbalancesswitch? YearTodateamount:money?
            Period01-15balanceamount:money? Replacementswitch? Overrideratetypecode? Overriderate:rate? Activityswitch? Rollupswitch?
        """,
        control="BeginningBalance",
    ),
    entity(
        "GLPostedTransactions",
        view="GL0018",
        key="AccountNumber FiscalYear FiscalPeriod SourceCurrencyCode SourceLedgerCode SourceTypeCode PostingSequenceNumber DetailCount",
        reading=Dated("JournalDate", lookback=35, sequence="PostingSequenceNumber"),
        history=History.START,
        description="Every posted journal line: one signed amount per account in home and source currency. Posted lines never change.",
        fields="""
            AccountNumber FiscalYear FiscalPeriod SourceCurrencyCode SourceLedgerCode SourceTypeCode PostingSequenceNumber:number DetailCount:number
            JournalDate:day BatchNumber JournalEntryNumber JournalTransactionNumber:number ConsolidationOccurredOnPost CompanyID
            JournalDetailDescription JournalDetailReference JournalTransactionAmount:money JournalTransactionQuantity:quantity
            NbrOfSourceCurrencyDecimals SourceCurrencyAmount:money HomeCurrencyCode CurrencyRateTableType SCURNCODE DateOfCurrencyRateSelected:day
            CurrencyRateForConversion:rate CurrencyRateSpreadAllowed:rate CodeForRateDateMatching CurrencyRateOperator DrillDownType:int
            DrillDownLinkNumber:number DrillDownApplicationSource ReportCurrencyAmount:money NumberOfOptionalFields:int DocumentDate:day
            TaxReportingStatus:int TaxAuthority TaxAccountType
        """,
        control="JournalTransactionAmount",
    ),
    entity(
        "GLJournalBatches",
        view="GL0008",
        key="BatchNumber",
        reading=Stamped("DateLastEdited"),
        history=History.START,
        description="Batches of journal entries as they were entered, whether posted or not.",
        fields="""
            BatchNumber ActiveSwitch Description SourceLedger DateCreated:day DateLastEdited:day JournalBatchType Status PostingSequence:number
            Debits:money Credits:money QuantityTotal:quantity NumberOfEntries:number NextEntryNumber:number NumberOfErrors:number OriginalStatus
            Printed ICTRelated RevaluationRecognizedBatch EligibleForEditSwitch EligibleForDeleteSwitch EligibleForPostingSwitch
            EligibleForPrintingSwitch EligibleForProvisionalPostSwitch ReadyToPost LockBatchSwitch
        """,
        control="Debits",
        ties=(Tie("Debits", "JournalHeaders", "Debits"),),
        collections=(
            collection(
                "JournalHeaders",
                key="EntryNumber",
                fields="""
                    BatchNumber EntryNumber Originator SourceLedger SourceType FiscalYear FiscalPeriod AutoReversal Description Debits:money
                    Credits:money Quantity:quantity PostingDate:day DrillDownType:int DrillDownLinkNumber:number DrillDownApplicationSource
                    OutOfBalanceBy:money SpecificReversalYear SpecificReversalPeriod ErrorBatch:int ErrorEntry:int NumberOfDetails:number
                    Processswitches EnteredBy DocumentDate:day OrigExists:int OrigDescription OrigStatus:int OrigMulticurrencySwitch:int
                    OrigHomeCurrency OrigHomeCurrencyDecimals:int OrigQtySwitch:int OrigQtyDecimals:int SourceCodeExists:int SourceCodeDescription
                    TaxGroup EntryType DoNotCalculationTax CustomerVendorNumber DocumentType DocumentNumber TaxAuthority1-5 TaxVendorClass1-5:int
                    TaxItemClass1-5:int TaxBaseAmount1-5:money TaxAmount1-5:money TaxExpenseAmount1-5:money TaxRecoverableAmount1-5:money
                    TaxAllocatedAmount1-5:money TaxReportingAmount1-5:money TaxReportingExpensed1-5:money TaxReportingRecoverableAmount1-5:money
                    TaxReportingAllocatedAmount1-5:money TaxReportingCurrencyCode TaxReportingRate:rate TaxReportingRateType TaxReportingRateDate:day
                    TaxReportingRateOperation TaxExpenseAccount1-5 TaxRecoverableAccount1-5 TaxRate1-5:percent FunctionalTaxAmount1-5:money
                    FunctionalTaxBaseAmount1-5:money FunctionalExpensedAmount1-5:money FunctionalRecoverableAmount1-5:money
                    FunctionalAllocatedAmount1-5:money InvoicetotalInTaxGroupCurre:money InvoicetotalInfunctionalCurr:money TaxGroupDescription
                    TaxAuthorityDescription1-5 TaxReportingCurrencyCodeDesc RateTypeDescription CustomerVendorName
                """,
                control="Debits",
                # A line carries one signed amount; debits are the positive ones.
                ties=(Tie("Debits", "JournalDetails", "Amount", positive=True),),
                collections=(
                    collection(
                        "JournalDetails",
                        key="TransactionNumber",
                        fields="""
                            BatchNumber EntryNumber TransactionNumber Destination RouteNumber:int AccountNumber CompanyID Amount:money
                            Quantity:quantity SourceCurrencyDecimals SourceCurrencyAmount:money HomeCurrency CurrencyRateTable SourceCurrency
                            CurrencyRateDate:day CurrencyRate:rate CurrencyRateSpread:rate CurrencyRateDateMatching CurrencyRateOperator Description
                            Reference JournalDate:day SourceLedger SourceType Comment NumberOfOptionalFields:int Processswitches DestExists:int
                            DestDescription DestStatus:int DestMulticurrencySwitch:int DestHomeCurrency DestHomeCurrencyDecimals:int DestQtySwitch:int
                            DestQtyDecimals:int DestOptionalFlds:int RouteExists:int RouteDescription RouteStatus:int SourceCodeExists:int
                            SourceCodeDescription AcctExists:int AcctFormatted AcctDescription AcctStatus:int AcctMulticurrencySwitch:int
                            AcctSpecificCurrenciesSwitch:int AcctControlSwitch:int AcctQtySwitch:int AcctOptionalFlds:int
                            AcctTransactionOptionalFlds:int AcctUnitOfMeasure TaxAuthority TaxAccountType:int
                        """,
                        optional_fields="JournalDetailOptionalFields",
                        control="Amount",
                    ),
                ),
            ),
        ),
    ),
)
