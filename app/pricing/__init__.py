"""What a basket costs: discounts, taxes, gift cards. The arithmetic is pure; `service` feeds it."""
