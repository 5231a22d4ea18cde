"""The shell around the sans-IO core of a live feed: sockets, HTTP, Kafka and the clock, in one asyncio process.

It carries out what the core asks for and tells it what came of it. What any of it means, the core alone knows.
"""
