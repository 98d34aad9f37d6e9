"""Promotions and their voucher codes: which there are, what they were used for. What they do to a price is
in app.pricing.
"""
