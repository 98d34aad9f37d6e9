"""Tests of the steps behind the verbs."""
