"""What an evaluation refuses. Apart from the rest, so that the command line knows it without the statistics libraries."""


class EvaluationError(ValueError):
    """An evaluation that can't be done as it was asked for; the message says what can: exit code 2."""
