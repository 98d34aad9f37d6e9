"""Finds or installs everything a deployment needs, on a machine that has Python and little else.

Nothing here imports a third-party package: it runs before there is an environment to install one into.
"""
