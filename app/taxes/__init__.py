"""Rates of tax by place and class, as the merchant keeps them. The arithmetic is in app.pricing."""
