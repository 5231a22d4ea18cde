"""Tests that need a real Kafka; whatever stands in this folder is marked `kafka`."""
