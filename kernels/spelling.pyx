# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""One message in the exchange's own compact spelling, read in one pass.

Owns the proof that a text is such a message, and nothing that merely resembles it: JSON without spaces, escapes, signs,
exponents and nesting beyond the levels, no field told twice, and an envelope of just ``stream`` and ``data`` in this order,
or none. Whatever else it is, it is not taken, without a judgement: the plain decoder has one.

Rule 1: a text ends with a zero byte (``bytes`` have one), and no rule takes that. A byte is looked at only when the one
before it was taken, so no look goes beyond the end.
Rule 2: a level is nine bytes at least, and a comma more when another follows: n bytes have fewer than n / 9 of them.
Rule 3: an integer has at most 18 digits. A decimal of two integers that doubles hold exactly is rounded once, by their
division, so correctly; all others are Python's own to read.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport strncmp

cdef extern from "<float.h>":
    const int FLT_EVAL_METHOD

cdef extern from "Python.h":
    double PyOS_string_to_double(const char *text, char **end, void *overflow) noexcept
    void PyErr_Clear()

# With price and quantity up to here their product is within the decoder's bounds; what is bigger, the plain one judges.
cdef double BIG = 1e144

cdef double[20] POWERS = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19
]


cdef bint read_message(Text text, Py_ssize_t size, Message *found, Numbers *numbers) noexcept:
    """Whether the text is a message that we know; then ``found`` and ``numbers`` hold it: of ``found`` what ``fields`` tell.

    ``numbers.data`` must have room for 2 * (size / 9 + 1) more.
    """
    cdef Text at = text
    found.fields, found.unfit, found.other_cause = 0, False, False
    found.stream.start = found.event.start = found.symbol.start = NULL
    found.stream.size = found.event.size = found.symbol.size = 0
    if strncmp(<const char *>text, b'{"stream":"', 11):
        at = read_payload(text, found, numbers)
        return at != NULL and at == text + size
    at = read_text(text + 10, &found.stream)
    if at == NULL or strncmp(<const char *>at, b',"data":', 8):
        return False
    at = read_payload(at + 8, found, numbers)
    return at != NULL and at[0] == c"}" and at + 1 == text + size


cdef Text read_payload(Text at, Message *found, Numbers *numbers) noexcept:
    """The object at ``at``; returns what follows it, NULL when it is not one that we know."""
    if at[0] != c"{":
        return NULL
    while True:
        at += 1
        if at[0] != c'"' or at[1] == 0:
            return NULL
        if at[2] == c'"' and at[3] == c":":
            at = read_short(at[1], at + 4, found, numbers)
        else:
            at = read_long(at + 1, found, numbers)
        if at == NULL or at[0] != c",":
            break
    if at == NULL or at[0] != c"}":
        return NULL
    return at + 1


cdef inline bint is_new(Message *found, uint32_t field) noexcept:
    """Note a field; whether it is the first of its name."""
    cdef bint known = found.fields & field
    found.fields |= field
    return not known


cdef inline Text read_short(unsigned char name, Text at, Message *found, Numbers *numbers) noexcept:
    """The value at ``at`` of a field whose name is one letter; returns what follows."""
    if name == c"E":
        return read_id(at, EVENT_TIME, HAS_EVENT_TIME, found)
    if name == c"T":
        return read_id(at, TRANSACTION_TIME, HAS_TRANSACTION_TIME, found)
    if name == c"u":
        return read_id(at, LAST_ID, HAS_LAST_ID, found)
    if name == c"U":
        return read_id(at, FIRST_ID, HAS_FIRST_ID, found)
    if name == c"t":
        return read_id(at, TRADE_ID, HAS_TRADE_ID, found)
    if name == c"e":
        return read_text(at, &found.event) if is_new(found, HAS_EVENT) else NULL
    if name == c"s":
        return read_text(at, &found.symbol) if is_new(found, HAS_SYMBOL) else NULL
    if name == c"b":
        if found.fields & (HAS_BIDS | HAS_BID):
            return NULL
        if at[0] == c"[":
            return read_side(at, -1.0, &found.bids, HAS_BIDS, found, numbers)
        return read_amount(at, 0, HAS_BID, found)
    if name == c"a":
        if found.fields & (HAS_ASKS | HAS_ASK | HAS_AGG_ID):
            return NULL
        if at[0] == c"[":
            return read_side(at, 1.0, &found.asks, HAS_ASKS, found, numbers)
        if at[0] == c'"':
            return read_amount(at, 2, HAS_ASK, found)
        return read_id(at, AGG_ID, HAS_AGG_ID, found)
    if name == c"B":
        return read_amount(at, 1, HAS_BID_QUANTITY, found)
    if name == c"A":
        return read_amount(at, 3, HAS_ASK_QUANTITY, found)
    if name == c"p":
        return read_amount(at, 4, HAS_PRICE, found)
    if name == c"q":
        return read_amount(at, 5, HAS_QUANTITY, found)
    if name == c"m":
        found.buyer_is_maker = at[0] == c"t"
        return skip_word(at) if at[0] != c"n" and is_new(found, HAS_MAKER) else NULL
    if name == c"X":
        return read_cause(at, found)
    # Letters and digits only: no quote, no backslash, nothing beyond ASCII.
    return skip_value(at) if is_name(name) else NULL


cdef Text read_long(Text at, Message *found, Numbers *numbers) noexcept:
    """The rest of a field from its name on, when that is longer than a letter; returns what follows."""
    cdef Text name = at
    while is_name(at[0]):
        at += 1
    if at[0] != c'"' or at[1] != c":":
        return NULL
    cdef Py_ssize_t size = at - name
    at += 2
    if is_called(name, size, b"pu", 2):
        return read_id(at, PREVIOUS_ID, HAS_PREVIOUS_ID, found)
    if is_called(name, size, b"lastUpdateId", 12):
        return read_id(at, BOOK_ID, HAS_BOOK_ID, found)
    if is_called(name, size, b"bids", 4):
        return read_side(at, -1.0, &found.bids, HAS_LONG_BIDS, found, numbers)
    if is_called(name, size, b"asks", 4):
        return read_side(at, 1.0, &found.asks, HAS_LONG_ASKS, found, numbers)
    if is_called(name, size, b"symbol", 6) or is_called(name, size, b"stream", 6):
        return NULL  # another form
    return skip_value(at)


cdef inline bint is_called(Text name, Py_ssize_t size, const char *known, Py_ssize_t length) noexcept:
    return size == length and not strncmp(<const char *>name, known, length)


cdef inline bint is_name(unsigned char letter) noexcept:
    """Whether it may stand in a name: what is spelled in one way only."""
    return c"a" <= letter <= c"z" or c"A" <= letter <= c"Z" or c"0" <= letter <= c"9" or letter == c"_"


cdef inline Text read_id(Text at, int place, uint32_t field, Message *found) noexcept:
    """An integer in [0, 10^18) with one spelling."""
    cdef int64_t number = 0
    cdef Text start = at
    while c"0" <= at[0] <= c"9":
        number = number * 10 + (at[0] - c"0")
        at += 1
        if at - start > 18:
            return NULL
    if at == start or (start[0] == c"0" and at - start > 1) or not is_new(found, field):
        return NULL
    found.ids[place] = number
    return at


cdef inline Text read_text(Text at, Span *span) noexcept:
    """A text, not empty, of printable ASCII without escapes."""
    if at[0] != c'"':
        return NULL
    at += 1
    span.start = at
    while c" " <= at[0] <= c"~" and at[0] != c'"' and at[0] != c"\\":
        at += 1
    span.size = at - span.start
    return at + 1 if at[0] == c'"' and span.size else NULL


cdef Text read_cause(Text at, Message *found) noexcept:
    """What caused a trade: the market, or something else."""
    cdef Span cause
    at = read_text(at, &cause)
    if at == NULL or not is_new(found, HAS_CAUSE):
        return NULL
    found.other_cause = not is_called(cause.start, cause.size, b"MARKET", 6)
    return at


cdef Text skip_value(Text at) noexcept:
    """A value that nobody asks for, as long as it is plain: a text, a short integer, true, false or null."""
    cdef Text start = at
    cdef Span ignored
    if at[0] == c'"':
        return at + 2 if at[1] == c'"' else read_text(at, &ignored)
    while c"0" <= at[0] <= c"9" and at - start <= 18:
        at += 1
    if at == start:
        return skip_word(at)
    return NULL if at - start > 18 or (start[0] == c"0" and at - start > 1) else at


cdef inline Text skip_word(Text at) noexcept:
    """The constants of JSON."""
    if not strncmp(<const char *>at, b"true", 4) or not strncmp(<const char *>at, b"null", 4):
        return at + 4
    return at + 5 if not strncmp(<const char *>at, b"false", 5) else NULL


cdef inline Text read_amount(Text at, int place, uint32_t field, Message *found) noexcept:
    """A quoted decimal up to BIG."""
    if at[0] != c'"' or not is_new(found, field):
        return NULL
    at = read_decimal(at + 1, &found.amounts[place])
    return at + 1 if at != NULL and found.amounts[place] <= BIG else NULL


cdef Text read_side(Text at, double direction, Side *side, uint32_t field, Message *found, Numbers *numbers) noexcept:
    """The levels of one side; notes whether they would do for a book: sorted, and none without a quantity."""
    cdef double *data = numbers.data + numbers.used
    cdef double previous = -BIG * 2
    cdef double rank
    cdef Py_ssize_t count = 0
    if at[0] != c"[" or not is_new(found, field):
        return NULL
    at += 1
    while at[0] == c"[" and at[1] == c'"':
        at = read_decimal(at + 2, data)
        if at == NULL or at[1] != c"," or at[2] != c'"':
            return NULL
        at = read_decimal(at + 3, data + 1)
        if at == NULL or at[1] != c"]" or not 0.0 < data[0] <= BIG or data[1] > BIG:
            return NULL
        rank = data[0] * direction
        if rank <= previous or data[1] == 0.0:
            found.unfit = True
        previous = rank
        data += 2
        count += 1
        at += 2
        if at[0] != c",":
            break
        at += 1
        if at[0] == c"]":
            return NULL
    if at[0] != c"]" or count > numbers.most_levels:
        return NULL
    side.start, side.count = numbers.used, count
    numbers.used += 2 * count
    return at + 1


cdef inline Text read_decimal(Text at, double *number) noexcept:
    """Digits, perhaps a point and more of them, before a quote: returns the place of the quote."""
    cdef Text start = at
    cdef Text point
    cdef uint64_t digits = 0
    cdef Py_ssize_t size
    cdef int decimals = 0
    while c"0" <= at[0] <= c"9":
        digits = digits * 10 + (at[0] - c"0")
        at += 1
    size = at - start
    if size == 0 or (start[0] == c"0" and size > 1):
        return NULL
    if at[0] == c".":
        at += 1
        point = at
        while c"0" <= at[0] <= c"9":
            digits = digits * 10 + (at[0] - c"0")
            at += 1
        if at == point:
            return NULL
        size += at - point
        decimals = <int>(at - point) if size <= 19 else 0
    if at[0] != c'"':
        return NULL
    if size <= 19 and digits <= (<uint64_t>1 << 53) and FLT_EVAL_METHOD == 0:
        number[0] = <double>digits / POWERS[decimals]
        return at
    return read_slowly(start, at, number)


cdef Text read_slowly(Text start, Text stop, double *number) noexcept:
    """What Python reads; too big becomes infinite, which no bound lets through."""
    cdef char *end = NULL
    number[0] = PyOS_string_to_double(<const char *>start, &end, NULL)
    if <Text>end == stop:
        return stop
    PyErr_Clear()
    return NULL
