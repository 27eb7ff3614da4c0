"""Multiple contacts: people at customers and vendors."""

from __future__ import annotations

from sage300_assets.catalogue.model import Cadence, Entity, Stamped, entity

ENTITIES: tuple[Entity, ...] = (
    entity(
        "MTContacts",
        view="MT0100",
        key="ContactCode",
        reading=Stamped("DateLastMaintained"),
        cadence=Cadence.WEEKLY,
        description="Contact persons that customers and vendors refer to.",
        fields="""
            ContactCode Status? InactiveDate:day? DateLastMaintained:day? FirstName? MiddleName? LastName? DisplayName? Title? Salutation?
            AddressLine1-4? City? StateProvince? ZipPostalCode? Country? PhoneNumber1-3? FaxNumber? Email? WebSite? Comment1-2?
            ConsentsToReceiveEmail? NumberOfOptionalFields:int?
        """,
    ),
)
