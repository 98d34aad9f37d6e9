"""The steps behind the verbs of the Makefile; the pipelines call the same ones."""
