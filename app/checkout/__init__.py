"""From cart to paid order: two short transactions around the gateway's call, idempotent by key."""
