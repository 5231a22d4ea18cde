# Memory that is read soon, asked for while something else is done: what a row holds lies where it was made, all over.
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_SIZE

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define ASK_FOR(memory) __builtin_prefetch(memory)
    #else
    #define ASK_FOR(memory)
    #endif
    """
    void ask_for "ASK_FOR"(const void* memory) noexcept

cdef extern from "Python.h":
    # Borrowed references.
    PyObject* PyList_GET_ITEM(list rows, Py_ssize_t place)
    PyObject* PyTuple_GET_ITEM(tuple row, Py_ssize_t place)

cdef enum:
    LINE = 64  # bytes that come at once
    ITEMS_AHEAD = 2
    ROWS_AHEAD = 4

cdef inline void look_ahead(list rows, Py_ssize_t index) noexcept:
    """Ask for what the row after the next one holds, and for a later row itself."""
    cdef Py_ssize_t place
    cdef const char* later
    cdef PyObject* row
    if index + ROWS_AHEAD < len(rows):
        later = <const char*>PyList_GET_ITEM(rows, index + ROWS_AHEAD)
        for place in range(4):
            ask_for(later + place * LINE)
    if index + ITEMS_AHEAD < len(rows):
        row = PyList_GET_ITEM(rows, index + ITEMS_AHEAD)
        if isinstance(<object>row, tuple):
            for place in range(PyTuple_GET_SIZE(<tuple>row)):
                ask_for(PyTuple_GET_ITEM(<tuple>row, place))
