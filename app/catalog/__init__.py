"""Products, variants, collections and media: their import, their pages, their API and the search over them."""
