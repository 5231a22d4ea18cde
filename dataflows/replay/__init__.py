"""Replay: any stretch of history computed again from the topics, compared with what was written, or written elsewhere."""
