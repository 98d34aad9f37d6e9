"""The frame of every page, the home page, static files, and what search engines read."""
