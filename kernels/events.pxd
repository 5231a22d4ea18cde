from kernels.columns cimport Place
from kernels.rows cimport Row

cdef tuple make_event(Row *row, const double *numbers, offset, timestamp_ms, Py_ssize_t place, type made)
cdef object place_draft(draft, type made, levels, Py_ssize_t place)
cdef int set_place(Place *place, Row *row, long long offset, long long timestamp_ms) except -1
