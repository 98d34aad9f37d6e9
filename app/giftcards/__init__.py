"""Gift cards: money that was paid before, with a ledger of its own."""
