"""What every package of the store stands on: settings, database, cache, money, errors, templates."""
