"""Payments: the port, the test gateway's adapter, its signed webhooks, and the append-only events."""
