"""What a live Binance feed has to know and do, without a socket: facts come in, actions come out.

Pure: no sockets, no clock, no threads, no environment, no logging. ``feed_core.FeedCore`` is the door.
"""
