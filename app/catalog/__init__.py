"""Products, variants, collections and media: their import, pages and API, and the search over them."""
