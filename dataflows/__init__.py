"""The wiring: settings, the graph, recovery and the runner."""
