"""What a state is written into, for other kernels: they write where it ends, without a copy."""

from kernels.block cimport Side

cdef class Writer:
    cdef char *_state
    cdef Py_ssize_t _size, _room

    cdef char *space(self, Py_ssize_t size) except NULL
    cdef void ends(self, char *end) noexcept
    cdef int _put_optional(self, value) except -1
    cdef Py_ssize_t _put_all(self, values) except -1

cdef char *put_side(char *out, Side *side) noexcept  # the levels that are there; needs twice the room of the width
cdef Writer writer_of(out)
cdef int hand_over(Writer written, out) except -1
