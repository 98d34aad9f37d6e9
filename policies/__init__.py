"""The policy pack: what every change to an online store's hosting must hold to, on AWS and on Docker.

One module per subject holds the policies; `graph` is what they look at, `rules` what they are made of,
`settings` who may relax which. The same policies run inside `pulumi preview` and `up` (`analyzer`) and
without any cloud access over a recorded program (`python -m policies.check`).
"""

PACK = "storestack"
VERSION = "0.1.0"
