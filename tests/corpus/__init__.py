"""Tables of raw messages, malformed and odd but good, for every test that needs some."""
