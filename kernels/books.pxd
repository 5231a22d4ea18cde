from kernels.block cimport Book

cdef enum:
    COUNT = 26  # columns

cdef enum:  # the columns
    IMBALANCE, SPREAD, RATIO, LARGE, BID_NOTIONAL, ASK_NOTIONAL, TOTAL
    BID, BID_QUANTITY, ASK, ASK_QUANTITY, MID, MICRO, BID_VOLUME, ASK_VOLUME
    IMBALANCE_L1, IMBALANCE_L5, OFI_ML, SPAN_BID, SPAN_ASK, NEAR

cdef struct Settings:
    double threshold
    Py_ssize_t depth
    double *notionals  # of the first 0, 1, 2 ... levels of the side in work
    Py_ssize_t room

cdef int set_up(Settings *settings, double threshold, Py_ssize_t depth_levels) except -1
cdef int make_room(Settings *settings, Py_ssize_t width) except -1
cdef void measure_book(Book *book, double size, Settings *settings, double *out) noexcept
cdef void undefine(double *out, int state) noexcept
