"""The test payment gateway: a service of its own that behaves like a payment provider and moves no money.

It stands in for a third party, so it shares no code with the store. `POST /v1/payments` decides by the token:

    tok_ok        authorized, and with `capture` captured at once
    tok_declined  declined
    tok_3ds       requires_action: the shopper approves or declines on a page under /test-gateway/
    tok_slow      the same, answered late
    tok_error     answers 500 and takes nothing
"""
