"""Accounts receivable: customers, invoices and receipts as entered, and the open-item ledger they end up in."""

from __future__ import annotations

from sage300_assets.catalogue.model import Cadence, Entity, History, Stamped, collection, entity
from sage300_assets.catalogue.sensitive import CARD, PASSWORDS

ENTITIES: tuple[Entity, ...] = (
    entity(
        "ARCustomers",
        view="AR0024",
        key="CustomerNumber",
        reading=Stamped("DateLastMaintained"),
        description="Customers with their address, terms, credit limit and balance.",
        fields="""
            CustomerNumber ShortName GroupCode NationalAccount Status InactiveDate:day DateLastMaintained:day OnHold StartDate:day CreditBureauNumber
            CreditBureauRating CreditBureauDate:day CustomerName AddressLine1-4 City StateProvince ZipPostalCode Country ContactName PhoneNumber
            FaxNumber TerritoryCode AccountSet AutocashProfile BillingCycle InterestProfile CurrencyCode PrintStatements AccountType Terms RateType
            TaxGroup TaxRegistrationNumber1-5 TaxClassCode1-5:int CreditLimitCustomerCurrency:money BalanceDueInCustomerCurrency:money
            BalanceDueInFunctionalCurrency:money DateOfLastStatement:day LastStatementTotalCustomerCurrency:money
            DateOfLastBalanceForwardStatement:day BeginningBalanceOnLastStatement:money DateOfLastRevaluation:day LastRevaluationBalance:money
            NumberOfOpenDocuments:number NumberOfPaidInvoices:number NumberOfDaysToPay:quantity DateOfLargestInvoice:day DateOfHighestBalance:day
            DateOfLargestInvoiceLastYear:day DateOfHighestBalanceLastYear:day DateOfLastActivity:day DateOfLastInvoice:day DateOfLastCreditNote:day
            DateOfLastDebitNote:day DateOfLastReceipt:day DateOfLastDiscount:day DateOfLastAdjustment:day DateOfLastWriteOff:day
            DateOfLastReturnedCheck:day DateOfLastInterestCharge:day LargestInvoiceNumber LargestInvoiceNumberLastYear
            LargestInvoiceCustomerCurrency:money HighestBalanceCustomerCurrency:money LargestInvoiceLastYearCustomerCurrency:money
            HighBalanceLastYearCustomerCurrency:money LastInvoiceAmountCustomerCurrency:money LastCreditNoteAmountCustomerCurrency:money
            LastDebitNoteAmountCustomerCurrency:money LastReceiptCustomerCurrency:money LastDiscountAmountCustomerCurrency:money
            LastAdjustmentAmountCustomerCurrency:money LastWriteOffAmountCustomerCurrency:money LastReturnedCheckAmountCustomerCurr:money
            LastInterestChargeCustomerCurrency:money LargestInvoiceFunctionalCurrency:money HighestBalanceFunctionalCurrency:money
            LargestInvoiceLastYearFunctionalCurrency:money HighBalanceLastYearFunctionalCurrency:money LastInvoiceAmountFunctionalCurrency:money
            LastCreditNoteAmountFunctionalCurrency:money LastDebitNoteAmountFunctionalCurrency:money LastReceiptFunctionalCurrency:money
            LastDiscountAmountFunctionalCurrency:money LastAdjustmentAmountFunctionalCurrency:money LastWriteOffAmountFunctionalCurrency:money
            LastReturnedCheckAmountFunctionalCurr:money LastInterestChargeFunctionalCurrency:money Salesperson1-5 SalesSplitPercentage1-5:percent
            AverageDaysToPay:quantity CustomerPriceList CustomerDiscountType AmountPastDue:money ContactsEmail Email WebSite BillingMethod:int
            PaymentCode FreeOnBoard ShipViaCode ShipViaDescription DeliveryMethod PrimaryShipToLocation ContactsPhone ContactsFax
            AllowPartialShipments AllowWebStoreShopping PercentRetained:percent DaysRetained:int RetainageTermsCode
            AmountRetainedCustomerCurrency:money AmountRetainedFunctionalCurrency:money NumberOfOptionalFields:int ProcessCommandCode
            NumberOfOpenPrepayments:number AmountPrepaidCustomerCurrency:money AmountPrepaidFunctionalCurrency:money DateOfLastRefund:day
            LastRefundAmountCustomerCurrency:money LastRefundAmountFunctionalCurrency:money CheckLanguage NextClientUniqueID:int InventoryLocation
            CheckCreditLimit CheckOverdueAmounts DaysOverdue:int AmountOverdue:money AllowBackorderQuantities CheckForDuplicatePOs
            SuppressIntegration:flag ARVersion Database Mode SageBillingAndPaymentCustomer|SageBillingAndPaymentCustome BusinessRegistrationNumber
        """,
        optional_fields="CustomerOptionalFieldValues",
        control="BalanceDueInFunctionalCurrency",
    ),
    entity(
        "ARCustomerGroups",
        view="AR0025",
        key="GroupCode",
        reading=Stamped("DateLastMaintained"),
        cadence=Cadence.WEEKLY,
        description="Groups of customers and the defaults that their members start with.",
        fields="""
            GroupCode Description Status InactiveDate:day DateLastMaintained:day AccountSet AutocashProfile BillingCycle InterestProfile AccountType
            Terms RateType AllowEditOfCreditLimit CreditLimit1Currency CreditLimit1Amount:money CreditLimit2Currency CreditLimit2Amount:money
            CreditLimit3Currency CreditLimit3Amount:money CreditLimit4Currency CreditLimit4Amount:money CreditLimit5Currency CreditLimit5Amount:money
            NumberOfOptionalFields:int ProcessCommandCode TaxGroup TaxClassCode1-5:int Salesperson1-5 SalesSplitPercentage1-5:percent PrintStatements
            CheckCreditLimit CheckOverdueAmounts DaysOverdue:int AmountOverdue1-5:money
        """,
        optional_fields="CustomerGroupOptionalFieldVa",
    ),
    entity(
        "ARNationalAccounts",
        view="AR0028",
        key="NationalAccountNumber",
        reading=Stamped("DateLastMaintained"),
        description="Head offices that customers are billed through, with the credit limit and balance they share.",
        fields="""
            NationalAccountNumber GroupCode? Status? InactiveDate:day? DateLastMaintained:day? OnHold? NationalAccountName? AddressLine1-4? City?
            StateProvince? ZipPostalCode? Country? ContactName? PhoneNumber? FaxNumber? AccountSet? AutocashProfile? BillingCycle? InterestProfile?
            CurrencyCode? PrintStatements? AccountType? RateType? CreditLimit:money? BalanceDueInCustomerCurrency:money?
            BalanceDueInFunctionalCurrency:money? NumberOfOpenDocuments:number? AverageDaysToPay:quantity? DateOfLastActivity:day?
            DateOfLastInvoice:day? DateOfLastReceipt:day? Email? WebSite? ContactsPhone? ContactsFax? ContactsEmail? DeliveryMethod?
            NumberOfOptionalFields:int? CheckCreditLimit? CheckOverdueAmounts? DaysOverdue:int? AmountOverdue:money?
        """,
        optional_fields="NationalAccountOptionalField",
        control="BalanceDueInFunctionalCurrency",
    ),
    entity(
        "ARShipToLocations",
        view="AR0023",
        key="CustomerNumber ShipToLocationKey",
        reading=Stamped("DateLastMaintained"),
        cadence=Cadence.WEEKLY,
        description="Addresses that a customer's goods are sent to.",
        fields="""
            CustomerNumber ShipToLocationKey Status InactiveDate:day DateLastMaintained:day Description AddressLine1-4 City StateProvince
            ZipPostalCode Country ContactName PhoneNumber FaxNumber TerritoryCode TaxGroup TaxRegistrationNumber1-5 TaxClassCode1-5:int
            SpecialInstructions Salesperson1-5 SalesSplitPercentage1-5:percent CustomerPriceList FreeOnBoard ShipViaCode ShipViaDescription
            PrimaryShipToIndicator Email ContactsPhone ContactsFax ContactsEmail NumberOfOptionalFields:int ProcessCommandCode InventoryLocation
            SuppressIntegration:flag ARVersion Database Mode
        """,
        optional_fields="ShipToLocationsOptionalField",
    ),
    entity(
        "ARSalespersons",
        view="AR0018",
        key="SalespersonKey",
        reading=Stamped("DateLastMaintained"),
        cadence=Cadence.WEEKLY,
        description="Salespersons with their sales target and commission rates.",
        fields="""
            SalespersonKey Status InactiveDate:day DateLastMaintained:day EmployeeNumber Name CommissionsPaid AnnualSalesTarget:money
            MaximumSalesForRate1-4:money CommissionRate1-5:percent CommissionableSales:money CostOfCommissionableSales:money DateLastCleared:day
        """,
        control="CommissionableSales",
    ),
    entity(
        "ARTerms",
        view="AR0016",
        key="TermsCode",
        reading=Stamped("DateLastMaintained"),
        cadence=Cadence.WEEKLY,
        description="Payment terms of customers: when an invoice is due, and which discount is given until when.",
        fields="""
            TermsCode|TermsCodeKey Description Status InactiveDate:day DateLastMaintained:day UsePaymentSchedule CalculationBaseForDiscountwithTax
            DiscountType DiscountTableStartingDay1-4:number DiscountTableEndingDay1-4:number DiscountTableMonthsAdded1-4:number
            DiscountTableDayOfMonth1-4:number DueDateType DueDateTableStartingDay1-4:number DueDateTableEndingDay1-4:number
            DueDateTableMonthsAdded1-4:number DueDateTableDayOfMonth1-4:number NumberOfPayments:number TotalPercentDue:percent
        """,
        collections=(
            collection(
                "TermsPaymentSchedules",
                key="PaymentNumber",
                fields="""
                    TermsCode? PaymentNumber:number DateLastMaintained:day? PercentDue:percent? DiscountPercent:percent DiscountNumberOfDays:number
                    DiscountDayOfMonth:number DueNumberOfDays:number DueDayOfMonth:number
                """,
            ),
        ),
    ),
    entity(
        "ARAccountSets",
        view="AR0013",
        key="AccountSetKey",
        reading=Stamped("DateLastMaintained"),
        cadence=Cadence.WEEKLY,
        description="Sets of ledger accounts that a customer's transactions are posted to.",
        fields="""
            AccountSetKey Description Status InactiveDate:day DateLastMaintained:day ReceivablesControlAccount PrepaymentLiabilityAccount
            DiscountsAccount WriteOffsAccount CurrencyCode UnrealizedExchangeGainAccount UnrealizedExchangeLossAccount ExchangeGainAccount
            ExchangeLossAccount RetainageAccount ExchangeRoundingAccount
        """,
    ),
    entity(
        "ARInvoiceBatches",
        view="AR0031",
        key="BatchNumber",
        reading=Stamped("DateLastEdited"),
        history=History.START,
        description="Batches of customer invoices, credit notes and debit notes as they were entered. The batch total is net of credit notes.",
        fields="""
            BatchNumber:number BatchDate:day Description NumberOfEntries:number BatchTotal:money BatchType BatchStatus DefaultInvoiceType
            LastEntryNumber:number PostingSequenceNumber:number NumberOfErrors:number DateLastEdited:day BatchPrintedFlag SourceApplication
            ProcessCommand
        """,
        sensitive=(*PASSWORDS, *CARD),
        control="BatchTotal",
        # No tie to the documents: the batch total is net, while a credit note's own total is positive.
        collections=(
            collection(
                "Invoices",
                key="EntryNumber",
                fields="""
                    BatchNumber:number EntryNumber:number CustomerNumber DocumentNumber ShipToLocationCode SpecialInstructions DocumentType
                    TransactionType OrderNumber PONumber InvoiceDescription InvoicePrinted ApplytoDocument AccountSet DocumentDate:day AsOfDate:day
                    FiscalYear FiscalPeriod CurrencyCode RateType RateOverridden ExchangeRate:rate ApplytoExchangeRate:rate Terms TermsCodeOverridden
                    DueDate:day DiscountDate:day DiscountPercentage:percent DiscountAmountAvailable:money NumberOfDetails:number Salesperson1-5
                    SalesSplitPercentage1-5:percent Taxable DoNotCalculationTax TaxGroup TaxAuthority1-5 TaxClass1-5:int TaxBase1-5:money
                    TaxAmount1-5:money TaxableAmount:money NonTaxableAmount:money TaxTotal:money DocumentTotalBeforeTax:money PrepaymentAmount:money
                    NumberOfScheduledPayments:number TotalPaymentAmountScheduled:money DocumentTotalIncludingTax:money RecurringChargeCode
                    DateGenerated:day PrepaymentNumber RecurringBillingCycle ShipToLocationName ShipToAddressLine1-4 ShipToCity ShipToStateProvince
                    ShipToZipPostalCode ShipToCountry ShipToContactName ShipToPhoneNumber ShipToFaxNumber RateDate:day CustNatlOverCreditFlag
                    AmountDue:money RateOperator DrillDownApplicationSource DrillDownType:int DrillDownLinkNumber:number ForceRereadOfIBSTotals:int
                    ProcessCommand ShipViaCode ShipViaDescription PropertyCode PropertyValue:int JobRelated ErrorBatch:int ErrorEntry:int ShipToEmail
                    ShipToContactsPhone ShipToContactsFax ShipToContactsEmail DiscountBaseWithTax:money DiscountBaseWithoutTax:money
                    DiscountBase:money InvoiceType RetainageInvoice OriginalDocumentNumber HasRetainage RetainageAmount:money PercentRetained:percent
                    DaysRetained:int RetainageDueDate:day RetainageTermsCode RetainageDueDateOverride RetainageAmountOverride RetainageExchangeRate
                    NumberOfOptionalFields:int SourceApplication ARVersionCreatedIn TaxStateVersion:int ReportRetainageTax:int
                    TaxReportingCurrencyCode TaxReportingCalculateMethod TaxReportingExchangeRate:rate TaxReportingRateType TaxReportingRateDate:day
                    TaxReportingRateOperator TaxReportingRateOverride TaxReportingAmount1-5:money TaxReportingTotal:money RetainageTaxBase1-5:money
                    RetainageTaxAmount1-5:money FunctionalTaxBase1-5:money FunctionalTaxAmount1-5:money FunctionalDistributionWithTaxTotal:money
                    FunctionalRetainageAmount:money FunctionalDiscountAmount:money FunctionalDistributionWithoutTaxTotal:money
                    FunctionalPrepaymentAmount:money FunctionalAmountDue:money LabelPrinted RetainageTaxTotal:money TaxAmount1Total:money
                    TaxAmount2Total:money TaxAmount3Total:money TaxAmount4Total:money TaxAmount5Total:money RetainageAmountFromDetails:money
                    ShipmentNumber DoOECostingAndConsolidation EnteredBy PostingDate:day
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
                            BatchNumber:number EntryNumber:number LineNumber:number ItemNumber DistributionCode Description UnitOfMeasure
                            Quantity:price Cost:price Price:price ExtendedAmountWithTIP:money COGSAmount:money ExtendedAmountWithoutTIP:money
                            TaxTotal:money TaxBase1-5:money TaxClass1-5:int TaxIncluded1-5 TaxRate1-5:percent TaxAmount1-5:money RevenueAccount
                            InventoryAccount COGSAccount Comments PrintComment:int ItemCost:price Contract Project Category ProjectCategoryResource
                            TransactionNumber:int CostClass BillingDate:day CommentAttached Discountable OriginalLineIdentifier:number
                            RetainageAmount:money PercentRetained:percent DaysRetained:int RetainageDueDate:day RetainageDueDateOverride
                            RetainageAmountOverride Values:int ProcessCommandCode RetainageDistributionAmount:money RetainageCOGSAmount:money
                            RetainageAlternateBaseAmount:money InvoicedRetainageDistribution:money InvoicedRetainageCOGS:money
                            InvoicedRetainageAlternateBas:money TaxReportingAmount1-5:money TaxReportingTotal:money RetainageTaxBase1-5:money
                            RetainageTaxAmount1-5:money FunctionalTaxBase1-5:money FunctionalTaxAmount1-5:money FunctionalRetainageTaxAmount1-5:money
                            FunctionalDistributionNetOfTaxes:money FunctionalRetainageAmount:money FunctionalCOGSAmount:money FunctionalCost:price
                            FunctionalPrice:price FunctionalExtendedAmountWithTIP:money RetainageTaxTotal:money TaxAmount1Total:money
                            TaxAmount2Total:money TaxAmount3Total:money TaxAmount4Total:money TaxAmount5Total:money CurrencyRetainageAmount:money
                            CurrencyRetainageDistributionAmount:money CurrencyCOGSAmount:money CurrencyAlternateBaseAmount:money
                        """,
                        optional_fields="InvoiceDetailOptionalFields",
                        control="ExtendedAmountWithTIP",
                    ),
                    collection(
                        "InvoicePaymentSchedules",
                        key="PaymentNumber",
                        fields="""
                            BatchNumber:number EntryNumber:number PaymentNumber:number DueDate:day AmountDue:money DiscountDate:day
                            DiscountAmount:money FunctionalAmountDue:money FunctionalDiscountAmount:money
                        """,
                        control="AmountDue",
                    ),
                ),
            ),
        ),
    ),
    entity(
        "ARReceiptAndAdjustmentBatches",
        view="AR0041",
        key="BatchRecordType BatchNumber",
        reading=Stamped("DateLastEdited"),
        history=History.START,
        description="Batches of customer receipts (record type CA) and adjustments (AD) as they were entered.",
        fields="""
            BatchRecordType BatchNumber:number BatchDate:day Description NumberOfEntries:number BatchTotal:money BatchType BatchStatus BankCode
            DepositSlipPrinted DefaultBankCurrency BankRateDate:day LastEntryNumber:number BankRateType BankExchangeRate:rate DepositNumber:number
            DepositSerialNumber:int FunctionalAdjustmentAmount:money FunctionalAppliedDocumentAmount:money FunctionalBatchTotal:money
            PostingSequenceNumber:number NumberOfErrors:number DateLastEdited:day BatchTypeClass BatchPrintedFlag BankRateOperator BankRateOverridden
            SourceApplication ProcessCommand DepositDate:day DepositComment NumberOfReapplies:number
        """,
        sensitive=(*PASSWORDS, *CARD),
        control="BatchTotal",
        collections=(
            collection(
                "ReceiptsAdjustments",
                table="receipts",
                key="EntryNumber",
                fields="""
                    BatchType BatchNumber:number EntryNumber:number CheckReceiptNumber CustomerNumber ReceiptDateAdjustmentDate:day EntryDescription
                    EntryReference BankReceiptAmount:money CustomerReceiptAmount:money CustomerExchangeRate:rate CustomerRateOverridden
                    NumberOfDocumentsAppliedto:number TotalCustomerAmountApplied:money TotalCustomerDiscountAmount:money PaymentCode
                    CustomerCurrencyCode BankRateType BankExchangeRate:rate BankRateOverridden ReceiptTransactionType DocumentType
                    MatchingDocumentNumber LastLineNumber:number FiscalYear FiscalPeriod Payer CustomerRateDate:day CustomerRateType
                    CustomerAdjustmentAmount:money BankRateDate:day PaymentType CustomerUnappliedAmount:money BankUnappliedAmount:money
                    FunctionalReceiptAmount:money DocumentNumber FunctionalAdjustmentAmount:money BankRateOperator CustomerRateOperator
                    TotalFunctionalDiscountAmount:money TotalFunctionalDebitAmount:money TotalFunctionalCreditAmount:money
                    TotalCustomerDebitAmount:money TotalCustomerCreditAmount:money JobRelated JobApplyMethod ErrorBatch:int ErrorEntry:int
                    NumberOfOptionalFields:int ProcessCommandCode SourceApplication BankCode BankCurrencyCode DrillDownApplicationSource
                    DrillDownType:int DrillDownLinkNumber:number ReceiptPrinted CalculateTax TaxGroup TaxStateVersion:int TaxAuthority1-5
                    TaxClass1-5:int TaxBase1-5:money TaxAmount1-5:money TaxTotal:money DistributionAmountNetOfTaxes:money DepositSerialNumber:int
                    DepositLineNumber:int TaxReportingCurrencyCode TaxReportingCalculateMethod TaxReportingExchangeRate:rate TaxReportingRateType
                    TaxReportingRateDate:day TaxReportingRateOperator TaxReportingRateOverride TaxReportingAmount1-5:money TaxReportingTotal:money
                    NumberOfAdvanceCreditClaims:int TotalAdvanceCreditClaim:money FunctionalTotalAdvanceCreditClaim:money
                    FunctionalTotalCustomerAmountApplied:money FuncCustomerUnappliedAmount:money FunctionalTaxBase1-5:money
                    FunctionalTaxAmount1-5:money FunctionalTaxTotal:money FunctionalDistributionAmountNetOfTaxes:money ARVersionCreatedIn EnteredBy
                    PostingDate:day AccountSet PreviousCreditCardTransactionNumber PreviousCreditCardProcessStatus CurrentCreditCardTransactionNumber
                    CurrentCreditCardProcessStatus ProcessingCode TransactionID ResponseIndicator ResponseCode ResponseMessage TransactionDate
                    PaymentTypeID
                """,
                optional_fields="ReceiptAdjustmentOptionalFiel",
                control="BankReceiptAmount",
                collections=(
                    collection(
                        "AppliedReceiptsAdjustments",
                        table="applied_receipts",
                        key="LineNumber",
                        fields="""
                            BatchType BatchNumber:number EntryNumber:number LineNumber:number CustomerNumber DocumentNumber PaymentNumber:number
                            TransactionType PaymentResolution CustomerReceiptAmount:money CustomerDiscountAmountTaken:money
                            NextAdjustmentSequenceNumber:number CustomerAdjustmentTotal:money AdjustmentNumber:number Description Reference
                            GeneratedPPUCNumber PPMatchingDocumentNumber PPMatchingDocumentType DocumentAmountDue:money DiscountAmountAvailable:money
                            DocumentNetBalance:money PendingReceiptAmount:money PendingDiscountAmount:money PendingAdjustmentAmount:money
                            TotalCustomerDebitAmount:money TotalCustomerCreditAmount:money DocumentType:int JobRelated JobTotalPaymentAmount:money
                            JobTotalDiscountAmount:money JobApplyMethod RetainageDebitAmountCustomerCurr:money RetainageCreditAmountCustomerCurr:money
                            RetainageAmount:money RetainageDueDate:day RetainageTermsCode RetainageExchangeRate ProcessCommand
                            UnappliedJobPaymentAmount:money UnappliedJobDiscountAmount:money TRXTYPEID ReceiptTransactionType HasRetainage
                            RetainageBalance:money OriginalDocumentNumber ReceivablesAdjustmentTotal:money OriginalExchangeRate:rate DocumentDate:day
                            FunctionalReceiptAmount:money FunctionalTotalDiscountAmount:money FunctionalTotalAdjustmentAmount:money
                            FunctionalRetainageAmount:money DocumentVersionCreatedIn CustomerCurrencyCode
                        """,
                        control="CustomerReceiptAmount",
                    ),
                ),
            ),
        ),
    ),
    entity(
        "ARPostedDocuments",
        view="AR0036",
        key="CustomerNumber DocumentNumber",
        reading=Stamped("LastActivityDate"),
        description="The open-item ledger: every posted customer document with what is still due on it. Basis of the ageing report.",
        fields="""
            CustomerNumber DocumentNumber CheckReceiptNumber OrderNumber PONumber DueDate:day NationalAccountNumber ShipToLocation TransactionType
            DocumentType BatchDate:day BatchNumber:number EntryNumber:number GroupCode DocumentDescription DocumentDate:day AsofDate:day Terms
            DiscountDate:day CurrencyCode RateType RateOverridden ExchangeRate:rate FunctionalCurrencyInvoiceAmount:money
            FunctionalCurrencyAmountDue:money FunctionalCurrencyTaxableAmount:money FunctionalCurrencyNonTaxableAmount:money
            FunctionalCurrencyTaxAmount:money FunctionalCurrencyDiscountAmount:money CustomerCurrencyInvoiceAmount:money
            CustomerCurrencyAmountDue:money CustomerCurrencyTaxableAmount:money CustomerCurrencyNonTaxableAmount:money CustomerCurrencyTaxAmount:money
            CustomerCurrencyDiscountAmount:money FullyPaid LastActivityDate:day LastStatementDate:day NumberOfScheduledPayments:number
            PaymentNumberOnLastStatement:number LastAppliedPaymentSequenceNumber:number DoNotCalculationTax TaxAuthority1-5
            FunctionalBaseAmount1-5:money FunctionalTaxAmount1-5:money CustomerBaseAmount1-5:money CustomerTaxAmount1-5:money Salesperson1-5
            SalesSplitPercentage1-5:percent FiscalYear FiscalPeriod PrepaymentApplytoDocumentNumber PostingDate:day RateDate:day RateOperator:int
            LastActivityYearPeriod BankCode DepositNumber:number PostingSequenceNumber:number JobRelated HasRetainage RetainageOutstanding
            DateRetainageDue:day FunctionalCurrencyOriginalRetainageAmount:money FunctionalCurrencyRetainageAmount:money
            CustomerCurrencyOriginalRetainageAmount:money CustomerCurrencyRetainageAmount:money RetainageTermsCode RetainageExchangeRate
            OriginalDocumentNumber NumberOfOptionalFields:int SourceApplication ARVersionCreatedIn InvoiceType DepositSerialNumber:int
            DepositLineNumber:int BatchType NumberOfOBLJDetails:int TaxReportingCurrencyCode TaxReportingExchangeRate:rate TaxReportingRateType
            TaxReportingRateDate:day TaxReportingRateOperator:int TaxReportingRateOverride ReportRetainageTax:int TaxGroup TaxStateVersion:int
            TaxReportingCalculateMethod TaxClass1-5:int TaxBase1-5:money TaxAmount1-5:money ShipmentNumber EarliestBackdatedActivityDate:day
            LastRevaluationDate:day OriginalExchangeRate:rate OriginalRateType OriginalRateDate:day OriginalRateOperator:int OriginalRateOverrideFlag
            AccountSet DatePaid:day MiscellaneousReceiptFlag:int TerritoryCode|TerritotyCode
        """,
        sensitive=(*PASSWORDS, *CARD),
        control="FunctionalCurrencyAmountDue",
    ),
    entity(
        "ARPostedReceipts",
        view="AR0040",
        key="BankCode CustomerNumber CheckReceiptNumber DepositSerialNumber DepositLineNumber ReceiptDate",
        reading=Stamped("DateLastMaintained"),
        history=History.START,
        description="Posted customer receipts, with the deposit they belong to and whether the bank has cleared or returned them.",
        fields="""
            BankCode CustomerNumber CheckReceiptNumber DepositSerialNumber:int DepositLineNumber:int ReceiptDate:day DepositNumber:number
            BatchDate:day CustomerReceiptAmount:money BankReceiptAmount:money CustomerDiscountAmount:money PaymentCode CurrencyCode BankRateType
            BankExchangeRate:rate BankRateOverride ReasonForReturn DateLastMaintained:day LastStatementDate:day AmountOfRoundingError:money
            BankToFunctionalRateDate:day FiscalYear FiscalPeriod Payer BatchNumber:number EntryNumber:number CheckCleared
            FunctionalReceiptAmount:money CustomerAdjustmentAmount:money DateCleared:day DateReturned:day DocumentType DocumentNumber RateOperator:int
            PaymentType DrillDownApplicationSource DrillDownType:int DrillDownLinkNumber:number MiscellaneousReceiptFlag:int JobRelated InvoiceNumber
            CalculateTax TaxGroup TaxAuthority1-5 TaxClass1-5:int TaxBase1-5:money TaxAmount1-5:money TaxTotal:money
            DistributionAmountNetOfTaxes:money TaxReportingCurrencyCode TaxReportingCalculateMethod TaxReportingExchangeRate:rate TaxReportingRateType
            TaxReportingRateDate:day TaxReportingRateOperator:int TaxReportingAmount1-5:money TaxReportingTotal:money FunctionalTaxBase1-5:money
            FunctionalTaxAmount1-5:money FunctionalTaxTotal:money FunctionalDistributionAmountNetOfTaxes:money NumberOfAdvanceCreditClaims:int
            TotalAdvanceCreditClaim:money FunctionalTotalAdvanceCreditClaim:money PostingDate:day CreditCardTransactionNumber ProcessingCode CardType
        """,
        sensitive=(*PASSWORDS, *CARD),
        control="FunctionalReceiptAmount",
    ),
)
