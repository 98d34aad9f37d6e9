"""What delivery costs: zones of countries, and rates by weight."""
