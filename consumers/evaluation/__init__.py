"""Whether features predict: statistics over records of the past, with the doubt that belongs to each number.

``series`` and ``parquet`` make arrays of records; ``labels`` says what came after each; ``scores``, ``combine`` and
``costs`` judge; ``report`` puts it together. Everything is a function of its input and of one seed.
"""
