"""Stock per variant and location, its ledger, and the claims that orders have on it."""
