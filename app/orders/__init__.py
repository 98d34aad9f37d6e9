"""Orders as their buyers see them. How they come to be is in app.checkout."""
