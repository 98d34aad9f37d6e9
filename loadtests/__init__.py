"""Load on a running stack of this machine, and what it shows."""
