"""Downstream of the metrics topic: what reads records, shows them and judges them."""
