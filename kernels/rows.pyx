# cython: wraparound=False, cdivision=True
"""One message with what came beside it: key, partition and headers.

Owns when it was received, what tells its identity from another's, and which fields an event of each layout needs. The rules
are the plain decoder's; what is not as plain as nearly always (odd headers, times out of range) is not taken.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport INT64_MAX, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from kernels.spelling cimport *

cdef uint32_t SHORT = HAS_BIDS | HAS_ASKS
cdef uint32_t LONG = HAS_LONG_BIDS | HAS_LONG_ASKS
cdef uint32_t BEST = HAS_LAST_ID | HAS_BID | HAS_BID_QUANTITY | HAS_ASK | HAS_ASK_QUANTITY
cdef uint32_t EXECUTION = HAS_PRICE | HAS_QUANTITY | HAS_MAKER

# The latest Kafka timestamp that can be told in ns.
cdef int64_t LAST_MS = INT64_MAX // 1_000_000


# The fields by their bits.
NAMES = tuple("E T u U pu lastUpdateId t a e s b a bids asks b B a A p q m X".split())


def names_of(uint32_t fields) -> list[str]:
    """The names of an identity's fields."""
    return [name for bit, name in enumerate(NAMES) if fields >> bit & 1]


cdef bint read_row(Row *row, bytes value, key, headers, timestamp_ms, Numbers *numbers) except -1:
    """Whether it is a message that we know; then ``row`` holds it, as long as the objects live.

    ``numbers`` must have room as ``read_message`` says.
    """
    row.key.start = row.header.start = NULL
    row.key.size = row.header.size = 0
    if not read_headers(row, headers, timestamp_ms):
        return False
    if key is not None:
        row.key = span_of(<bytes?>key)
    return read_message(<Text>PyBytes_AS_STRING(value), len(value), &row.message, numbers)


cdef bint read_headers(Row *row, headers, timestamp_ms) except -1:
    """The receive time, and the stream that a header names: the last of each name counts."""
    cdef bint told = False
    if headers:
        for name, content in headers:
            if type(content) is not bytes:
                return False
            if name == "recv_ns":
                told = True
                if not read_time(<bytes>content, &row.received_ns):
                    return False
            elif name == "stream":
                row.header = span_of(<bytes>content)
    if not told:
        row.received_ns = timestamp_ms
        row.received_ns = row.received_ns * 1_000_000 if 0 <= row.received_ns <= LAST_MS else NEVER
    return True


cdef bint read_time(bytes content, int64_t *time) noexcept:
    """Decimal nanoseconds below 2^63."""
    cdef Text at = <Text>PyBytes_AS_STRING(content)
    cdef Py_ssize_t place, size = PyBytes_GET_SIZE(content)
    cdef uint64_t number = 0
    if not 0 < size <= 19:
        return False
    for place in range(size):
        if not c"0" <= at[place] <= c"9":
            return False
        number = number * 10 + (at[place] - c"0")
    time[0] = <int64_t>number
    return number <= <uint64_t>INT64_MAX


cdef Span span_of(bytes content) noexcept:
    cdef Span span
    span.start = <Text>PyBytes_AS_STRING(content)
    span.size = PyBytes_GET_SIZE(content)
    return span


cdef Py_ssize_t sign(Row *row, int64_t partition, char *signature) noexcept:
    """Write what tells this message's identity and partition from all others; returns its length, 0: names are too long."""
    cdef Message *m = &row.message
    cdef Span *spans[5]
    cdef char *at = signature
    spans[:] = [&row.key, &row.header, &m.stream, &m.symbol, &m.event]
    memcpy(at, &partition, 8)
    memcpy(at + 8, &m.fields, 4)
    at += 12
    for span in spans:
        if span.size > LONGEST_NAME:
            return 0
        at[0] = <char>span.size if span.start != NULL else <char>255
        if span.size:
            memcpy(at + 1, span.start, span.size)
        at += 1 + span.size
    return at - signature


cdef tuple identity_of(Row *row, key):
    """((key, envelope's stream, header's stream, ``s``, None), ``e``, fields)."""
    cdef Message *m = &row.message
    header = None if row.header.start == NULL else (<const char *>row.header.start)[: row.header.size]
    return (key, text_of(m.stream), header, text_of(m.symbol), None), text_of(m.event), m.fields


cdef text_of(Span span):
    """ASCII as text; None for nothing."""
    return None if span.start == NULL else (<const char *>span.start)[: span.size].decode("ascii")


cdef bint fits(Row *row, Layout layout) noexcept:
    """Whether the message has all that an event of the layout needs, and is as it must be."""
    cdef Message *m = &row.message
    cdef uint32_t sides = m.fields & (SHORT | LONG)
    if layout == A_QUOTE:
        return m.fields & BEST == BEST
    if layout == A_TRADE or layout == AN_AGG_TRADE:
        if not m.fields & (HAS_TRADE_ID if layout == A_TRADE else HAS_AGG_ID):
            return False
        return m.fields & EXECUTION == EXECUTION and m.amounts[4] > 0.0 and m.amounts[5] > 0.0
    # Spot and REST spell the sides out, futures do not; with both the longer names count, which is not for us.
    if layout == LEFT_OUT or (sides != SHORT and sides != LONG):
        return False
    if layout == A_BOOK:
        return not m.unfit and m.fields & (HAS_LAST_ID | HAS_BOOK_ID)
    if layout == A_LINKED and not m.fields & HAS_PREVIOUS_ID:
        return False
    return m.fields & HAS_LAST_ID and m.fields & HAS_FIRST_ID and m.ids[FIRST_ID] <= m.ids[LAST_ID]


cdef object time_of(Row *row):
    """When it was received, ns, or None."""
    return None if row.received_ns == NEVER else row.received_ns


cdef int64_t clock_of(Row *row) noexcept:
    """A trade's clock, ms: the event's time, else the transaction's, else when it was received, else 0."""
    cdef Message *m = &row.message
    if m.fields & HAS_EVENT_TIME:
        return m.ids[EVENT_TIME]
    if m.fields & HAS_TRANSACTION_TIME:
        return m.ids[TRANSACTION_TIME]
    return 0 if row.received_ns == NEVER else row.received_ns // 1_000_000
