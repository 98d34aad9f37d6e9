"""Dynamic resources: what Docker's own provider cannot do, with state, diff and errors of their own."""
