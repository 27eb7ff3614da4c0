"""Members that several entities carry and that nobody needs in a lake: passwords and traces of payment cards."""

from __future__ import annotations

PASSWORDS = ("AuthorizingUserPassword", "ApprovingUsersPassword")
"""What a user typed to lift a credit limit or to approve a price."""

CARD = (
    "CardNumber",
    "Last4",
    "PaymentCardID",
    "PaymentDescription",
    "AuthorizationCode",
    "AVSResult",
    "CVVResult",
    "VANReference",
    "XMLString",
)
"""What a card processor answered; its description may repeat digits of the card, its XML text repeats everything."""
