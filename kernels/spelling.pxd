from libc.stdint cimport int64_t, uint32_t

ctypedef const unsigned char *Text

cdef enum:
    EVENT_TIME, TRANSACTION_TIME, LAST_ID, FIRST_ID, PREVIOUS_ID, BOOK_ID, TRADE_ID, AGG_ID

cdef enum:
    # What was seen, one bit each. The first eight are the ids, in the order above.
    HAS_EVENT_TIME = 1 << 0
    HAS_TRANSACTION_TIME = 1 << 1
    HAS_LAST_ID = 1 << 2
    HAS_FIRST_ID = 1 << 3
    HAS_PREVIOUS_ID = 1 << 4
    HAS_BOOK_ID = 1 << 5
    HAS_TRADE_ID = 1 << 6
    HAS_AGG_ID = 1 << 7
    HAS_EVENT = 1 << 8
    HAS_SYMBOL = 1 << 9
    HAS_BIDS = 1 << 10
    HAS_ASKS = 1 << 11
    HAS_LONG_BIDS = 1 << 12
    HAS_LONG_ASKS = 1 << 13
    HAS_BID = 1 << 14
    HAS_BID_QUANTITY = 1 << 15
    HAS_ASK = 1 << 16
    HAS_ASK_QUANTITY = 1 << 17
    HAS_PRICE = 1 << 18
    HAS_QUANTITY = 1 << 19
    HAS_MAKER = 1 << 20
    HAS_CAUSE = 1 << 21

cdef struct Span:
    # Text inside of the message; nothing: start is NULL.
    Text start
    Py_ssize_t size

cdef struct Side:
    # Levels of one side: the first one's place among the numbers, and how many.
    Py_ssize_t start
    Py_ssize_t count

cdef struct Message:
    uint32_t fields
    bint unfit  # for a book
    bint buyer_is_maker
    bint other_cause
    int64_t ids[8]
    double amounts[6]  # bid, quantity, ask, quantity; of a trade price, quantity
    Side bids
    Side asks
    Span stream
    Span event
    Span symbol

cdef struct Numbers:
    # Price and quantity in turn. The owner sees to room before a message is read.
    double *data
    Py_ssize_t used
    Py_ssize_t most_levels

cdef bint read_message(Text text, Py_ssize_t size, Message *found, Numbers *numbers) noexcept
