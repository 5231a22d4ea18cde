"""Owns what others would have built: the same eight metrics by hand, with stock Bytewax, Quix Streams and Kafka Streams."""
