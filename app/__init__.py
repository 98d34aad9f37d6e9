"""The reference store: one package per noun, each with the same rooms (queries, service, routes, jobs, …)."""
