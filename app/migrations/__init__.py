"""The schema's history. Only ever expanded: version N-1 of the store works on schema N."""
