"""The sample shop: 1,000 made-up products and their pictures, drawn from a fixed seed."""
