"""The edges: bytes and sockets. Kafka source and sink, decode, encode, recordings. Knows nothing of imbalance."""
