"""The stable `type`s of the API's problems, each with a page at its address: what it means, what mends it.

A test compares the list with the source: no type is sent that is not here, and none here that is never sent.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProblemType:
    """One `type`; `slug` is the last part of its address."""

    slug: str
    statuses: tuple[int, ...]
    title: str
    meaning: str
    mend: str


_LIST = (
    ProblemType(
        "malformed",
        (400,),
        "The request cannot be read",
        "The body is not JSON, or a parameter cannot be read at all.",
        "Send what the operation's schema describes, as UTF-8.",
    ),
    ProblemType(
        "cursor-invalid",
        (400,),
        "The cursor is not valid",
        "A cursor is opaque: only what an answer gave as `next_cursor` is one.",
        "Begin again without a cursor, and pass `next_cursor` on unchanged.",
    ),
    ProblemType(
        "idempotency-key-missing",
        (400,),
        "Idempotency-Key is missing",
        "The operation must not happen twice, so it needs a key to know a repeated request by.",
        "Send the header `Idempotency-Key` with a value of your own, new for each intention, such as a UUID.",
    ),
    ProblemType(
        "idempotency-key-invalid",
        (400,),
        "Idempotency-Key is not valid",
        "The key is longer than 200 characters, or holds other than printable ASCII characters.",
        "Use a UUID.",
    ),
    ProblemType(
        "bad-webhook",
        (400,),
        "The webhook is refused",
        "Its signature does not fit, it is too old, or it cannot be read.",
        "Only the gateway or carrier itself can send it; check that both sides have the same webhook key.",
    ),
    ProblemType(
        "key-missing",
        (401,),
        "An API key is needed",
        "The operation is for other systems of the merchant's, and each has a key of its own.",
        "Send `Authorization: Bearer <key>`. Keys are made with `python -m app key create` or in the back "
        "office.",
    ),
    ProblemType(
        "key-invalid",
        (401,),
        "The API key is not valid",
        "There is no such key, or it has expired or been revoked.",
        "Have a new key made.",
    ),
    ProblemType(
        "payment-declined",
        (402,),
        "The payment was declined",
        "The gateway refused the payment. Nothing was taken, and the cart is as it was.",
        "Try again with another means of payment, under a new Idempotency-Key.",
    ),
    ProblemType(
        "scope-missing",
        (403,),
        "The key does not allow this",
        "Each key is made for certain scopes; `scope` names the one that this operation needs.",
        "Have a key made with that scope.",
    ),
    ProblemType(
        "foreign-origin",
        (403,),
        "Refused",
        "A browser sent the request from a page of another site.",
        "Send it from the store's own pages, or from a server.",
    ),
    ProblemType(
        "not-found",
        (404,),
        "Not found",
        "There is nothing at this address, or it is not yours to see.",
        "Check the identifier, and for an order its token.",
    ),
    ProblemType(
        "method-not-allowed",
        (405,),
        "Method Not Allowed",
        "The address exists, but not with this method.",
        "Use one of the methods in the header `Allow`.",
    ),
    ProblemType(
        "not-acceptable",
        (406,),
        "Not Acceptable",
        "The API answers JSON, which the header `Accept` rules out.",
        "Accept `application/json` and `application/problem+json`, or leave `Accept` away.",
    ),
    ProblemType(
        "handle-taken",
        (409,),
        "The handle is taken",
        "Another product has this handle.",
        "Choose another one, or change that product.",
    ),
    ProblemType(
        "variant-taken",
        (409,),
        "The variant exists",
        "The product has a variant with these options, perhaps an inactive one.",
        "Change that variant.",
    ),
    ProblemType(
        "cart-full",
        (409,),
        "The cart is full",
        "A cart holds at most 100 lines.",
        "Order, or remove a line.",
    ),
    ProblemType(
        "cart-changed",
        (409,),
        "The cart has changed",
        "Somebody changed the cart at the same time.",
        "Read the cart and try again.",
    ),
    ProblemType(
        "cart-ordered",
        (409,),
        "The cart has been ordered",
        "An ordered cart does not change any more.",
        "Start a new cart.",
    ),
    ProblemType(
        "checkout-in-progress",
        (409,),
        "The checkout is in progress",
        "A checkout of this cart, or a request with this key, is still at work.",
        "Repeat the request after `Retry-After` seconds.",
    ),
    ProblemType(
        "code-refused",
        (409, 422),
        "The code was not accepted",
        "A voucher or gift card is not known, has expired or was used up; the detail says which.",
        "At checkout (409): take the code out of the cart, or send `expected_total` with what the buyer saw.",
    ),
    ProblemType(
        "code-taken",
        (409,),
        "The code is taken",
        "This promotion or another has the code already.",
        "Choose another code.",
    ),
    ProblemType(
        "needs-no-codes",
        (409,),
        "The promotion needs no codes",
        "An automatic promotion applies by itself.",
        "Make a promotion that is not `automatic`.",
    ),
    ProblemType(
        "balance-too-low",
        (409,),
        "The balance is too low",
        "More is to be taken off a gift card than is on it.",
        "Read the card, and take less.",
    ),
    ProblemType(
        "gift-card-used",
        (409,),
        "The gift card was used",
        "A gift card that was sold is taken back only while nothing of it was spent.",
        "Correct what is left on the card instead.",
    ),
    ProblemType(
        "too-many-codes",
        (429,),
        "Too many wrong codes",
        "More wrong codes came from the address than people mistype.",
        "Wait as long as `Retry-After` says.",
    ),
    ProblemType(
        "total-changed",
        (409,),
        "The price has changed",
        "The total is no longer what the shopper was shown.",
        "Show the new total, and let the shopper decide.",
    ),
    ProblemType(
        "insufficient-stock",
        (409,),
        "There is not enough stock",
        "`lines` tells how much of each is available.",
        "Take fewer, or another.",
    ),
    ProblemType(
        "not-reserved",
        (409,),
        "The order has not reserved so many",
        "More units are to leave than the order still has reserved.",
        "Look at what has been shipped already.",
    ),
    ProblemType(
        "too-few-units",
        (409,),
        "There are not so many units",
        "An adjustment or a transfer would take more than is available at the location.",
        "Count again, or take fewer.",
    ),
    ProblemType(
        "capture-too-large",
        (409,),
        "The capture is too large",
        "More is to be taken than is authorized and not yet taken.",
        "Read the order's payments, and take less.",
    ),
    ProblemType(
        "refund-too-large",
        (409,),
        "The refund is too large",
        "More is to be given back than was taken and not yet given back.",
        "Read the order's payments, and give back less.",
    ),
    ProblemType(
        "void-too-large",
        (409,),
        "The void is too large",
        "More is to be let go than is authorized and not yet taken.",
        "Read the order's payments.",
    ),
    ProblemType(
        "other-gateway",
        (409,),
        "Another gateway has the payment",
        "The order was paid through a gateway that the store no longer uses.",
        "Take or give back the money at that gateway's own desk.",
    ),
    ProblemType(
        "location-changed",
        (409,),
        "Locations have changed",
        "Somebody else made a location at the same time.",
        "Repeat the request.",
    ),
    ProblemType(
        "idempotency-key-reused",
        (409,),
        "The key was used before",
        "The key came with another request before.",
        "Use a new key for each intention; repeat a request exactly, byte for byte.",
    ),
    ProblemType(
        "request-in-progress",
        (409,),
        "The request is in progress",
        "A request with this key is still at work.",
        "Repeat it after `Retry-After` seconds to get its answer.",
    ),
    ProblemType(
        "precondition-failed",
        (412,),
        "It has changed meanwhile",
        "`If-Match` names a state that is no longer the current one: somebody else changed it.",
        "Read it again, look at what changed, and send the change with the new `ETag`.",
    ),
    ProblemType(
        "too-large",
        (413,),
        "Content Too Large",
        "A request's body may have 64 KiB.",
        "Send less at once.",
    ),
    ProblemType(
        "unsupported-media-type",
        (415,),
        "Unsupported Media Type",
        "The API reads JSON.",
        "Send `Content-Type: application/json`.",
    ),
    ProblemType(
        "invalid",
        (422,),
        "The request has errors",
        "The request can be read but not accepted; `errors` has one entry for each faulty field.",
        "Mend the fields that `errors` names.",
    ),
    ProblemType(
        "rate-limited",
        (429,),
        "Too many requests",
        "Each API key may be used so many times a minute; the edge limits each address besides.",
        "Wait `Retry-After` seconds.",
    ),
    ProblemType(
        "fault",
        (500,),
        "Something went wrong",
        "The store made a mistake. It has been logged under `request_id`.",
        "Try again; if it stays, tell us the `request_id`.",
    ),
    ProblemType(
        "database-unavailable",
        (503,),
        "Please try again in a moment",
        "The database does not answer, or every connection to it is busy.",
        "Repeat the request after `Retry-After` seconds, with the same Idempotency-Key.",
    ),
    ProblemType(
        "payment-unavailable",
        (503,),
        "Payment is not available",
        "The payment service does not answer. Nothing was charged.",
        "Repeat the request after `Retry-After` seconds, with the same Idempotency-Key.",
    ),
    ProblemType(
        "payment-unknown",
        (503,),
        "Payment is being checked",
        "The payment service got the request and did not answer; the store is finding out.",
        "Repeat the request after `Retry-After` seconds with the same Idempotency-Key: nothing is charged "
        "twice.",
    ),
    ProblemType(
        "oversized",
        (422,),
        "This cannot be sent",
        "A thing in the cart is larger or heavier than every box of the store.",
        "Take out what `detail` names, and ask the store for a delivery of its own.",
    ),
    ProblemType(
        "illegal-transition",
        (409,),
        "The order does not allow this",
        "What is asked for does not follow from the order's state; `state`, `verb` and `allowed` say so.",
        "Read the order again, and do one of `allowed`.",
    ),
    ProblemType(
        "already-sent",
        (409,),
        "A part is on its way",
        "Buyers cancel whole orders only while nothing of them has been sent.",
        "Ask the shop to cancel what is left.",
    ),
    ProblemType(
        "nothing-left",
        (409,),
        "Nothing is left",
        "The order has no units left that this could be done with.",
        "Read the order again: its lines and fulfilments say where its units are.",
    ),
    ProblemType(
        "too-many-units",
        (409,),
        "There are not so many units",
        "More units are asked for than the order has left there; `detail` has the numbers.",
        "Ask for fewer.",
    ),
    ProblemType(
        "label-pending",
        (409,),
        "A label is being bought",
        "The parcel has a label that the carrier has not sold yet, so nobody knows its tracking number.",
        "Try again after `Retry-After` seconds; undoing the parcel gives the label up.",
    ),
    ProblemType(
        "carrier-refused",
        (409,),
        "The carrier refused",
        "The carrier does not sell a label for this parcel; nothing was bought.",
        "Change what `detail` names, or choose another service.",
    ),
    ProblemType(
        "carrier-away",
        (503,),
        "The carrier does not answer",
        "The label is begun; the worker buys it, once, as soon as the carrier answers.",
        "Look at the parcel again after a minute.",
    ),
    ProblemType(
        "stale-form",
        (403,),
        "This form is no longer valid",
        "The page is older than the session. Only pages answer this, never the API.",
        "Reload the page and send it again.",
    ),
)

TYPES = {one.slug: one for one in _LIST}
