"""Records of the metrics topic as Parquet files, by day and instrument.

What is exported hangs on the offsets alone: any sequence of runs and crashes that comes to the same offsets leaves the
same files, byte for byte. The folder can be read as it is by everything that knows Hive's ``name=value`` folders.
"""
