"""Accounts payable: vendors, invoices and payments as entered, and the open-item ledger they end up in."""

from __future__ import annotations

from sage300_assets.catalogue.model import Cadence, Dated, Entity, History, Snapshot, Stamped, collection, entity

ENTITIES: tuple[Entity, ...] = (
    entity(
        "APVendors",
        view="AP0015",
        key="VendorNumber",
        reading=Stamped("DateLastMaintained"),
        description="Vendors with their address, terms, tax registration and balance.",
        fields="""
            VendorNumber ShortName GroupCode Status? InactiveDate:day? DateLastMaintained:day? OnHold StartDate:day? VendorName AddressLine1-4 City
            StateProvince ZipPostalCode Country ContactName PhoneNumber FaxNumber PrimaryRemitToLocation? AccountSet? CurrencyCode? RateType? BankCode
            PrintSeparateChecks? DistributionSet? DistributionCode? GLAccount? Terms? DuplicateAmountCode? DuplicateDateCode? TaxGroup?
            TaxClassCode1-5:int? CreditLimit:money? BalanceDueInVendorCurrency:money?
            BalanceDueInFunctionalCurrency|BalanceDueInFunctionCurrency:money? TotalPrepaidInvoiceVendorCurr:money?
            TotalPrepaidInvoiceFunctionalCurr:money? NumberOfOpenInvoices:number? NumberOfPrepaidInvoices:number? NumberOfPaidInvoices:number?
            NumberOfDaysToPay:quantity? DateOfLastActivity:day? DateOfLastInvoice:day? DateOfLastCreditNote:day? DateOfLastDebitNote:day?
            DateOfLastPayment:day? DateOfLastDiscount:day? DateOfLastAdjustment:day? LastInvoiceAmtVendorCurrency:money?
            LastPaymentVendorCurrency:money? LastInvoiceAmountFunctionalCurrency:money? LastPaymentFunctionalCurrency:money? PaymentCode
            TaxRegistrationCode1 TaxRegistrationCode2-5? DistributionType? CheckLanguage? AverageDaysToPay:quantity?
            TotalInvoicesPaidFunctionalCurr:money? TotalInvoicesPaidVendorCurr:money? TotalNumberOfPayments:number? TaxIncluded1-5? ContactsEmail
            Email WebSite ContactsPhone ContactsFax DeliveryMethod? PercentRetained:percent? DaysRetained:int? RetainageTermsCode?
            AmountRetainedVendorCurrency:money? AmountRetainedFunctionalCurrency:money? NumberOfOptionalFields:int? LegalName
            BusinessRegistrationNumber
        """,
        optional_fields="VendorOptionalFieldValues",
        # For a person this tax number is the social security number.
        sensitive=("Num1099CPRSTaxNumber",),
        control="BalanceDueInFunctionalCurrency",
    ),
    entity(
        "APVendorGroups",
        view="AP0016",
        key="GroupCode",
        reading=Stamped("DateLastMaintained"),
        cadence=Cadence.WEEKLY,
        description="Groups of vendors and the defaults that their members start with.",
        fields="""
            GroupCode Description InactiveDate:day? DateLastMaintained:day? AccountSet CurrencyCode RateType BankCode PrintSeparateChecks
            DistributionSet DistributionCode GeneralLedgerAccountNumber Terms DuplicateAmountCode DuplicateDateCode TaxGroup TaxClass1-5:int?
            TaxIncluded1-5? PaymentCode DistributionType
        """,
    ),
    entity(
        "APAccountSets",
        view="AP0006",
        key="AccountSetCode",
        reading=Snapshot(),
        cadence=Cadence.WEEKLY,
        description="Sets of ledger accounts that a vendor's transactions are posted to.",
        fields="""
            AccountSetCode Description PayablesControlAccount DiscountsAccount PrepaymentAccount CurrencyCodeForAccount UnrealizedExchangeGainAccount
            UnrealizedExchangeLossAccount ExchangeGainAccount ExchangeLossAccount RetainageAccount ExchangeRoundingAccount
        """,
    ),
    entity(
        "APTerms",
        view="AP0012",
        key="TermsCode",
        reading=Snapshot(),
        cadence=Cadence.WEEKLY,
        description="Payment terms of vendors: when an invoice is due, and which discount may be taken until when.",
        fields="""
            TermsCode Description UsePaymentSchedule CalculationBaseForDiscountwithTax MethodOfCalcForDiscountDate MethodOfCalcForDueDate
            NumberOfPayments:number TotalPercentageDue:percent
        """,
        collections=(
            collection(
                "TermsPaymentSchedule",
                key="PaymentNumber",
                fields="""
                    TermsCode? PaymentNumber:number PercentageDue:percent DiscountPercent:percent DiscountNumberOfDays:number
                    DiscountDayOfMonth:number DueNumberOfDays:number DueDayOfMonth:number
                """,
            ),
        ),
    ),
    entity(
        "APDistributionCodes",
        view="AP0005",
        key="DistributionCodeKey",
        reading=Snapshot(),
        cadence=Cadence.WEEKLY,
        description="Codes that stand for the ledger account of an invoice line.",
        fields="DistributionCodeKey Description GLAccount Discountable",
    ),
    entity(
        "APInvoiceBatches",
        view="AP0020",
        key="BatchNumber",
        reading=Stamped("DateLastEdited"),
        history=History.START,
        description="Batches of vendor invoices, credit notes and debit notes as they were entered. The batch total is net of credit notes.",
        fields="""
            BatchNumber:number BatchDate:day Description NumberOfEntries:number BatchTotal:money BatchType BatchStatus InvoiceType
            LastEntryNumber:number PostingSequenceNumber:number NumberOfErrors:number DateLastEdited:day BatchPrintedFlag SourceApplication ICTRelated
            ProcessCommandCode
        """,
        control="BatchTotal",
        # No tie to the documents: the batch total is net, while a credit note's own total is positive.
        collections=(
            collection(
                "Invoices",
                key="EntryNumber",
                fields="""
                    BatchNumber:number EntryNumber:number Originator VendorNumber DocumentNumber RemitToLocation DocumentType TransactionType
                    OrderNumber PONumber InvoiceDescription ApplytoDocument AccountSet DocumentDate:day AsOfDate:day FiscalYear FiscalPeriod
                    CurrencyCode RateType ExchangeRate:rate Terms DueDate:day DiscountDate:day DiscountPercentage:percent TaxGroup TaxAuthority1-5
                    TaxClass1-5:int TaxBase1-5:money TaxAmount1-5:money DocumentTotalBeforeTaxes:money DocumentTotalIncludingTax:money
                    UndistributedAmount:money AmountDue:money SourceAmountDue:money FunctionalAmountDue:money VendorName OnHold EnteredBy
                    PostingDate:day NumberOfOptionalFields:int APVersionCreatedIn
                """,
                optional_fields="InvoiceOptionalFields",
                control="DocumentTotalIncludingTax",
                # No tie to the payment schedule: retainage and prepayments are not scheduled.
                collections=(
                    collection(
                        "InvoiceDetails",
                        key="LineNumber",
                        # Quantities have five decimals here, unlike those of inventory.
                        fields="""
                            LineNumber:number Destination DistributionCode DistributionDescription TaxTotal:money GLAccount DistributedAmount:money
                            Comment DistributedAmountBeforeTaxes:money GLDistributedAmount:money Contract Project Category ItemNumber UnitOfMeasure
                            Quantity:price Cost:price Discountable FixedAsset
                        """,
                        optional_fields="InvoiceDetailOptionalFields",
                        control="DistributedAmount",
                    ),
                    collection(
                        "InvoicePaymentSchedules",
                        key="PaymentNumber",
                        fields="""
                            PaymentNumber:number DueDate:day AmountDue:money DiscountDate:day DiscountAmount:money FunctionalAmountDue:money
                            FunctionalDiscountAmount:money
                        """,
                        control="AmountDue",
                    ),
                ),
            ),
        ),
    ),
    entity(
        "APPaymentAndAdjustmentBatches",
        view="AP0030",
        key="BatchSelector BatchNumber",
        reading=Stamped("DateLastEdited"),
        history=History.START,
        description="Batches of vendor payments (selector PY) and adjustments (AD) as they were entered.",
        fields="""
            BatchSelector BatchNumber:number BatchDate:day Description NumberOfEntries:number? BatchTotal:money? BatchStatus BankCode BankCurrencyCode
            PostingSequenceNumber:number? NumberOfErrors:number? DateLastEdited:day? ProcessCommandCode
        """,
        control="BatchTotal",
        collections=(
            collection(
                "PaymentsAdjustments",
                table="payments",
                key="EntryNumber",
                fields="""
                    BatchType EntryNumber:number CheckNumber VendorNumber PaymentDateAdjustmentDate:day EntryDescription EntryReference
                    VendorPayeeName CheckAmountInBankCurrency:money CheckAmountInVendorCurrency:money TotalPrepayVendorCurrency:money
                    PaymentTransactionType CheckPrintRequired DocumentNumber? MatchingDocumentNumber?
                """,
                optional_fields="PaymentAdjustmentOptionalField",
                control="CheckAmountInBankCurrency",
                collections=(
                    collection(
                        "AppliedPayments",
                        key="LineNumber",
                        fields="LineNumber:number VendorNumber DocumentNumber PaymentType PaymentAmount:money DocumentDate:day",
                        control="PaymentAmount",
                        collections=(
                            collection(
                                "AdjustmentGLDistributions",
                                key="SequenceNumber",
                                fields="""
                                    SequenceNumber:number TransactionType:int DistributionAmount:money DistributionCode DistributionGLAccount
                                    DocumentLineNumber:number
                                """,
                                control="DistributionAmount",
                            ),
                        ),
                    ),
                ),
            ),
        ),
    ),
    entity(
        "APPostedDocuments",
        view="AP0025",
        key="VendorNumber DocumentNumber",
        reading=Stamped("LastActivityDate"),
        description="The open-item ledger: every posted vendor document with what is still due on it. Basis of the ageing report.",
        fields="""
            VendorNumber DocumentNumber CheckNumber? OrderNumber? PONumber? DueDate:day? RemitToLocation? TransactionType? DocumentType?
            BatchDate:day? BatchNumber:number? EntryNumber:number? GroupCode? DocumentDescription? DocumentDate:day? AsOfDate|InvoiceAsOfDate:day?
            Terms? DiscountDate:day? CurrencyCode? RateType? ExchangeRate:rate? FunctionalCurrencyInvoiceAmount:money?
            FunctionalCurrencyAmountDue:money? FunctionalCurrencyTaxAmount:money? FunctionalCurrencyDiscountAmount:money?
            VendorCurrencyInvoiceAmount:money? VendorCurrencyAmountDue:money? VendorCurrencyTaxAmount:money? VendorCurrencyDiscountAmount:money?
            FullyPaid? LastActivityDate:day? LastActivityYearOrPeriod? LastStatementDate:day? NumberOfScheduledPayments:number? TaxAuthority1-5?
            TaxBase1-5:money? TaxAmount1-5:money? FiscalYear? FiscalPeriod? PostingDate:day? PostingSequenceNumber:number? DatePaid:day?
            DatePaymentStatusChanged:day? EarliestBackdatedActivityDate:day? OriginalDocumentNumber?
        """,
        control="FunctionalCurrencyAmountDue",
    ),
    entity(
        "APPostedPayments",
        view="AP0029",
        key="BankCode VendorNumber CheckNumber CheckSerialNumber CheckDate",
        # A payment still changes when its check is cleared or reversed, weeks or months after it was posted.
        reading=Dated("PostingDate", lookback=90, later=("DateCleared", "DateReversed")),
        history=History.START,
        description="Posted vendor payments, and whether the bank has cleared or someone has reversed them.",
        fields="""
            BankCode? VendorNumber CheckNumber? CheckSerialNumber:number? CheckDate:day BatchDate:day? CheckAmountVendorCurrency:money?
            PaymentAmount:money DiscountAmount:money? PaymentCode PaymentCurrency|CurrencyCode? BankRateType? BankExchangeRate:rate?
            BankRateOverridden? ReasonForReversal? AmountOfRoundingError:money? BankRateDate:day? FiscalYear FiscalPeriod RemitTo? BatchNumber:number?
            EntryNumber:number? CheckCleared? CheckAmountFunctionalCurrency:money? AmountAdjusted:money DateCleared:day? DateReversed:day?
            DocumentType DocumentNumber PaymentType GLAccount? JobRelated? InvoiceNumber TaxGroup? TaxAuthority1-5? TaxBase1-5:money?
            TaxAmount1-5:money? TaxTotal:money? PostingDate:day
        """,
        control="PaymentAmount",
    ),
)
