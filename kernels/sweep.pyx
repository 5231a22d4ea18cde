# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""How much rests on one side of a book up to a price.

Owns the walk over the levels of one book in a block of many. What it is for is said at the twin,
``orderbook.partial_lane.plain_through``: the same calls give the same numbers.
"""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer


def through(block, Py_ssize_t row, Py_ssize_t side, double price):
    cdef Py_buffer view
    cdef bint found = False
    cdef double total = 0.0, last = price, level
    cdef Py_ssize_t at
    cdef char *numbers
    PyObject_GetBuffer(block, &view, PyBUF_STRIDES | PyBUF_FORMAT)
    try:
        if view.ndim != 4 or view.format[0] != b"d" or view.format[1] != 0 or view.shape[3] != 2:
            raise ValueError("expected a block of float64 of shape (n, 2, w, 2)")
        if not (0 <= row < view.shape[0] and 0 <= side < min(2, view.shape[1])):
            raise IndexError(f"expected a book and a side in {view.shape[0]} books, received {row}, {side}")
        numbers = <char *>view.buf + row * view.strides[0] + side * view.strides[1]
        for at in range(view.shape[2]):
            level = (<double *>numbers)[0]
            if level == 0.0:
                break
            if (level > price) if side else (level < price):
                found = True
                break
            total += (<double *>(numbers + view.strides[3]))[0]
            last = level
            numbers += view.strides[2]
    finally:
        PyBuffer_Release(&view)
    return total, not found and ((last < price) if side else (last > price))
