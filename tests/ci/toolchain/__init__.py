"""Tests of the toolchain: real processes, files and sockets, no network."""
