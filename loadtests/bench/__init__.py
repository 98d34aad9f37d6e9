"""Figures one can run: each file compares two things in one run and prints their ratio."""
