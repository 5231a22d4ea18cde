# Parts of a state, as ``orderbook.codec.Writer`` writes them, on a little-endian machine. Each returns where it ends.
from libc.string cimport memcpy

cdef inline char *put_integer(char *out, long long number) noexcept:
    memcpy(out, &number, 8)
    return out + 8

cdef inline char *put_marked(char *out, long long number) noexcept:
    # An integer that could be None, and is not.
    out[0] = 1
    return put_integer(out + 1, number)

cdef inline char *put_float(char *out, double number) noexcept:
    memcpy(out, &number, 8)
    return out + 8
