"""The reference store: one package per noun, each with the same rooms (tables, queries, service, routes, jobs, templates)."""
