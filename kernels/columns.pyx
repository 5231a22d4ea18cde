# cython: language_level=3, wraparound=False, cdivision=True
"""Partial books of a poll in columns: no Python object a message.

Owns where each book's message stood, and which books are whose; the levels are a block as everywhere. Some groups of a poll
may be empty here, because they are told as events. Whose they are is remembered from poll to poll, and so is the lane that
they were measured in last: nobody needs to be looked up by name again.
"""

cimport cython
from cpython.buffer cimport PyBuffer_Release
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.string cimport memcpy

from kernels.block cimport take
from kernels.cells cimport NOTHING


@cython.no_gc  # nothing that it holds leads back to it
cdef class Home:
    """Where an instrument's messages come from, and where they go.

    Args:
        name: (instrument, partition).
    """

    def __cinit__(self, tuple name not None):
        instrument, self.partition = name
        self.name = name


cdef class Columns:
    """Groups of partial books, one instrument's books after another's.

    Args:
        names: Of each group (instrument, partition).
    """

    def __init__(self, list names not None):
        self.names, self.homes = names, []

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)
        PyMem_Free(self.firsts)
        PyMem_Free(self.places)

    def group(self, Py_ssize_t number, type made):
        """A group as it is elsewhere: its events, named tuples of the class ``made``, and their levels.

        Raises:
            IndexError: There is no group with this number.
        """
        cdef Py_ssize_t row, first
        cdef Place *place
        if not self.held or not 0 <= number < len(self.names):
            raise IndexError(f"expected the number of one of {len(self.names)} groups, received {number}")
        first, events = self.firsts[number], []
        for row in range(first, self.firsts[number + 1]):
            place = &self.places[row]
            events.append(tuple.__new__(made, (
                place.offset, place.timestamp_ms, known(place.receive_time_ns), known(place.event_time_ms),
                known(place.transaction_time_ms), known(place.update_id), row - first,
            )))
        return events, self.block[first : self.firsts[number + 1]]

    cdef int lay_out(self, object block, const Py_ssize_t *firsts) except -1:
        """Take the block of all books, and the first row of each group and the end; the places are the caller's to fill."""
        cdef Py_ssize_t count = len(self.names) + 1
        if self.held:
            raise ValueError("expected to be laid out once")
        take(block, &self.view)
        self.held, self.block = True, block
        self.firsts = <Py_ssize_t *>PyMem_Malloc(count * sizeof(Py_ssize_t))
        self.places = <Place *>PyMem_Malloc(self.view.shape[0] * sizeof(Place))
        if self.firsts == NULL or self.places == NULL:
            raise MemoryError
        memcpy(self.firsts, firsts, count * sizeof(Py_ssize_t))
        return 0


cdef inline object known(long long number):
    return None if number == NOTHING else number
