"""API keys of other systems: made by staff, each for certain scopes, kept as a hash."""
