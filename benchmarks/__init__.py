"""Speed, measured: seeded workloads, what is compared, and the report. Started by ``make bench``."""
