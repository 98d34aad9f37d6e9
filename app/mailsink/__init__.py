"""A mail server that delivers nothing: it keeps what it is given, for people and tests to read."""
