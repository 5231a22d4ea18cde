"""The tests, one folder a package; helpers are imported as `tests.<module>`, from here and from benchmarks/."""
