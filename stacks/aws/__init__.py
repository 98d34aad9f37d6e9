"""The AWS target: the same roles as on one machine, as managed services.

`deploy` is imported late, so that a local user needs no pulumi-aws and is never asked for its plugin.
"""
