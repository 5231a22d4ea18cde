"""Supervision: the shards of a machine, a process each, started again when they crash and ended together."""
