"""Numbers in few bytes, for other kernels; what the bytes are is ``orderbook.decimals``'s business."""

cdef enum:
    COUNT_BYTES = 4

cdef Py_ssize_t room(Py_ssize_t count) noexcept
"""Bytes that so many numbers take at most, and a few more that are written over."""

cdef char *put_decimals(char *out, const char *first, Py_ssize_t stride, Py_ssize_t count, bint steps) noexcept
"""Write doubles that lie ``stride`` bytes apart, into room for them; returns the end."""

cdef char *put_integers(char *out, const long long *first, Py_ssize_t count) noexcept
"""The same of integers, as steps."""

cdef char *put_count(char *out, Py_ssize_t count) noexcept
"""Write how many there are: four bytes."""

cdef double *doubles_of(values, Py_ssize_t *count) except NULL
"""Numbers as doubles, and how many; the caller frees them."""

cdef long long *integers_of(values, Py_ssize_t *count) except NULL
"""The same of integers; fastest of an ``array`` of the type ``q``."""
