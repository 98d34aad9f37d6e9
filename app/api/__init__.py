"""What all of the API shares: its document, problem types, preconditions, idempotency, negotiation."""
