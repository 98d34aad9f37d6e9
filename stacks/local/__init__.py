"""The local target: every role of the picture as containers of one Docker engine."""
