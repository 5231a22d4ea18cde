# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Numbers with few decimals as integers of four bytes: half as long, and the same numbers again.

Owns nothing but the loop; the layout is ``orderbook.codec``'s.
"""

from libc.math cimport fabs, rint

cdef double[9] POWERS = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8]


def scaled(const double[::1] values, int[::1] out):
    """The least number of decimals, 0 .. 8, with which all values are integers below 2 ** 31, which ``out`` has then; -1: none.

    Both have the same length, else ``ValueError``.
    """
    cdef Py_ssize_t at = 0, count = values.shape[0]
    cdef int decimals = 0
    cdef double value, integer
    if out.shape[0] != count:
        raise ValueError(f"expected room for {count} integers, received {out.shape[0]}")
    while at < count:
        value = values[at]
        integer = rint(value * POWERS[decimals])
        if not fabs(integer) < 2147483648.0:
            return -1
        if integer / POWERS[decimals] == value:
            out[at] = <int> integer
            at += 1
        elif decimals == 8:
            return -1
        else:
            decimals, at = decimals + 1, 0
    return decimals
