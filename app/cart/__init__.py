"""Guest carts: lines of variants, priced and checked against stock whenever they are read."""
