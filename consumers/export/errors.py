"""What an export refuses. Apart from the rest, so that the command line knows it without the Parquet library."""


class ExportError(ValueError):
    """An export that can't be done as it was asked for; the message says what can: exit code 2."""
