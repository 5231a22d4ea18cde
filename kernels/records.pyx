# cython: language_level=3, wraparound=False, cdivision=True
"""Rows as text documents that all have one form: constant pieces, and between them numbers, integers and given texts.

Owns the copying of the pieces, and the digits of integers. The digits of floats come as finished text. Nothing here knows
what the documents tell.

Safety: what is shown of a row is looked at when the form is made; a document's largest size is known before it is written;
where more is copied than counts (``BLOCK`` bytes at once are cheaper than as many as there are), both ends have room for it.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_FromStringAndSize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_Append
from cpython.long cimport PyLong_CheckExact
from cpython.tuple cimport PyTuple_GET_SIZE
from libc.string cimport memchr, memcpy

from kernels.cells cimport COLUMNS, ITEMS, NOTHING, Cell, Rows, cells_of, columns_of
from kernels.cells import KNOWN
from kernels.digits cimport copy_to_comma, put_digits
from kernels.prefetch cimport look_ahead

cdef enum:
    BLOCK = 32  # bytes copied at once; no float's text is longer
    MOST = 128  # pieces of a form, numbers of a row, texts to choose from
    MOST_TEXTS = 8  # of a group

cdef enum Kind:
    TEXT
    NUMBER
    INTEGER
    CHOICE

cdef dict KINDS = {"text": TEXT, "number": NUMBER, "integer": INTEGER, "choice": CHOICE}

cdef struct Text:
    const char *at
    Py_ssize_t size

cdef struct Slot:
    Kind kind
    Py_ssize_t place
    Text before  # the constant piece
    Py_ssize_t choice, choices  # the first one, and how many

cdef struct Digits:  # of the numbers of some rows: what is left of them
    const char *at
    const char *end
    Py_ssize_t rows


cdef inline char *put(char *out, Text *text) noexcept:
    """Copy a constant piece: ``BLOCK`` bytes of room are behind both."""
    memcpy(out, text.at, BLOCK)
    if text.size > BLOCK:
        memcpy(out + BLOCK, text.at + BLOCK, text.size - BLOCK)
    return out + text.size


cdef inline char *put_integer(char *out, long long value) noexcept:
    """Write an integer, or null for NOTHING."""
    if value == NOTHING:
        memcpy(out, b"null", 4)
        return out + 4
    return put_digits(out, value)


cdef inline char *put_number(char *out, Digits *digits) except NULL:
    """Copy the next number."""
    cdef const char *at = digits.at
    cdef Py_ssize_t left = digits.end - at, size
    cdef const char *stop
    if left > BLOCK:
        size = copy_to_comma(out, at)
        if size == BLOCK and left > BLOCK + 1 and at[BLOCK] != c",":
            size = left  # else the bracket is behind it
    elif left < 1:
        raise ValueError("expected a number for each place, received fewer")
    else:
        stop = <const char *>memchr(at, c",", left)
        size = left - 1 if stop == NULL else stop - at  # the bracket
        memcpy(out, at, size)
    if size > BLOCK:
        raise ValueError(f"expected numbers of {BLOCK} characters at most, received {size}")
    digits.at = at + size + 1
    return out + size


cdef class Form:
    """The form that all documents have.

    Args:
        slots: What a document consists of, in its order: the constant piece before, the kind of what follows, its place,
            and the texts to choose from. ``text``: the group's text of that place. ``number``: the next number.
            ``integer``: the row's item of that place, None is ``null``. ``choice``: the text with the number that the item
            is, the first for None.
        end: The last piece.
        sources: Where a row's numbers come from, in their order: a column (0, 1 ...), or an item of the row (``~item``).
        time: The item that is a document's time.
        numbers: float64, room for the numbers of as many rows as shall become text at once.
        show: Makes of such numbers a JSON array without spaces.
    """

    cdef Slot[MOST] slots
    cdef Text[MOST] choices
    cdef Text end
    cdef Py_ssize_t count, width, time  # count of slots, width of numbers
    cdef Py_ssize_t[MOST] sources
    cdef Py_ssize_t texts, written  # of a group, in a document
    cdef Py_ssize_t largest  # of a document, without its group's texts
    cdef Py_ssize_t at_once  # rows
    cdef double[::1] numbers
    cdef object array, show
    cdef list kept  # whose memory the pieces are

    def __cinit__(self, slots, bytes end not None, sources, Py_ssize_t time, numbers, show):
        self.count, self.width, self.time, self.kept = len(slots), len(sources), time, []
        if self.count > MOST or not 0 < self.width <= MOST:
            raise ValueError(f"expected at most {MOST} slots and sources, received {self.count} and {self.width}")
        if [slot[1] for slot in slots].count("number") != self.width:
            raise ValueError("expected a source for each number")
        check(time, ("integer",))
        for number, source in enumerate(sources):
            if source < 0:
                check(~source, ("number",))
            elif source >= COLUMNS:
                raise ValueError(f"expected one of {COLUMNS} columns, received {source}")
            self.sources[number] = source
        self.largest, self.end = len(end), self.keep(end)
        choice = 0
        for number, (before, kind, place, choices) in enumerate(slots):
            if choice + len(choices) > MOST:
                raise ValueError(f"expected at most {MOST} texts to choose from, received more")
            self.slots[number] = Slot(KINDS[kind], place, self.keep(before), choice, len(choices))
            for text in choices:
                self.choices[choice] = self.keep(text)
                choice += 1
            self.largest += len(before) + max(BLOCK, *map(len, choices), 0)
            if kind == "text":
                if not 0 <= place < MOST_TEXTS:
                    raise ValueError(f"expected one of {MOST_TEXTS} texts, received {place}")
                self.texts, self.written = max(self.texts, place + 1), self.written + 1
            elif kind != "number":
                check(place, ("integer", "near") if kind == "choice" else ("integer",))
        self.numbers, self.show = numbers, show
        self.at_once = self.numbers.shape[0] // self.width
        self.array = numbers[: self.at_once * self.width]
        if not self.at_once:
            raise ValueError(f"expected room for {self.width} numbers, received {self.numbers.shape[0]}")

    cdef Text keep(self, bytes piece) except *:
        """A piece with ``BLOCK`` bytes of nothing behind it."""
        if piece is None:
            raise TypeError("expected bytes, received None")
        cdef bytes kept = piece + bytes(BLOCK)
        self.kept.append(kept)
        return Text(PyBytes_AS_STRING(kept), len(piece))

    def write(self, Rows rows not None, Py_ssize_t first, list counts not None, list texts not None, list into not None):
        """Write the documents of some rows, group by group.

        Args:
            first: The first row.
            counts: How many rows each group has; the rows of one group stand after those of another.
            texts: The texts of each group, and behind those that documents show the key of its documents.
            into: For each group three lists, to which the key, the document and the time of each of its rows are added.

        Raises:
            TypeError: a text is not bytes, or a list not a list.
            ValueError: there are not as many rows, groups, choices or numbers as are needed.
        """
        cdef Text[MOST_TEXTS] of_group
        cdef Digits digits = Digits(NULL, NULL, 0)
        cdef Py_ssize_t index = first, end = self.end_of(rows, first, counts), room = 0, group, count, size
        cdef bytearray scratch = bytearray()
        cdef list keys, documents, times
        if len(counts) != len(texts) or len(counts) != len(into):
            raise ValueError(f"expected texts and lists of {len(counts)} groups, received {len(texts)} and {len(into)}")
        for group in range(len(counts)):
            look_ahead(texts, group)
            count, held = counts[group], texts[group]
            key = self.take(held, of_group, &size)
            keys, documents, times = into[group]
            if keys is None or documents is None or times is None:
                raise TypeError("expected three lists, received None")
            if self.largest + self.written * size + BLOCK > room:
                room = self.largest + self.written * size + BLOCK
                scratch = PyByteArray_FromStringAndSize(NULL, room)
            for _ in range(count):
                if not digits.rows:
                    numbers = self.shown(rows, index, min(self.at_once, end - index), &digits)
                size = self.fill(PyByteArray_AS_STRING(scratch), cells_of(rows, index), of_group, &digits)
                PyList_Append(keys, key)
                PyList_Append(documents, PyBytes_FromStringAndSize(PyByteArray_AS_STRING(scratch), size))
                PyList_Append(times, cells_of(rows, index)[self.time].integer)
                index += 1
                digits.rows -= 1
                if not digits.rows and digits.at != digits.end:
                    raise ValueError("expected a number for each place, received more")

    cdef Py_ssize_t end_of(self, Rows rows, Py_ssize_t first, list counts) except -1:
        """The row behind the last one of these groups."""
        cdef Py_ssize_t count, end = first
        if not 0 <= first <= rows.count:
            raise ValueError(f"expected one of {rows.count} rows, received row {first}")
        for of_group in counts:
            if not PyLong_CheckExact(of_group):
                raise TypeError(f"expected a number of rows, received {of_group!r}")
            count = of_group
            if not 0 <= count <= rows.count - end:
                raise ValueError(f"expected groups of {rows.count} rows in all, received more")
            end += count
        return end

    cdef bytes shown(self, Rows rows, Py_ssize_t first, Py_ssize_t count, Digits *digits):
        """The numbers of these rows as text, which must live as long as ``digits`` are read."""
        cdef Py_ssize_t index, place, source
        cdef double *to = &self.numbers[0]
        cdef double *columns
        cdef Cell *cells
        for index in range(first, first + count):
            cells, columns = cells_of(rows, index), columns_of(rows, index)
            for place in range(self.width):
                source = self.sources[place]
                to[place] = columns[source] if source >= 0 else cells[~source].number
            to += self.width
        text = <bytes?>self.show(self.array if count == self.at_once else self.array[: count * self.width])
        if not PyBytes_GET_SIZE(text):
            raise ValueError("expected a JSON array, received nothing")
        digits.at, digits.rows = PyBytes_AS_STRING(text) + 1, count
        digits.end = PyBytes_AS_STRING(text) + PyBytes_GET_SIZE(text)
        return text

    cdef Py_ssize_t fill(self, char *document, const Cell *cells, Text *texts, Digits *digits) except -1:
        """Write one document; its size."""
        cdef char *out = document
        cdef Slot *slot = self.slots
        cdef Text *text
        cdef long long number
        for _ in range(self.count):
            out = put(out, &slot.before)
            if slot.kind == NUMBER:
                out = put_number(out, digits)
            elif slot.kind == INTEGER:
                out = put_integer(out, cells[slot.place].integer)
            elif slot.kind == TEXT:
                text = &texts[slot.place]
                memcpy(out, text.at, text.size)
                out += text.size
            else:
                number = cells[slot.place].integer
                if number == NOTHING:
                    number = 0
                if not 0 <= number < slot.choices:
                    raise ValueError(f"expected the number of one of {slot.choices} texts, received {number}")
                text = &self.choices[slot.choice + number]
                memcpy(out, text.at, text.size)
                out += text.size
            slot += 1
        return put(out, &self.end) - document

    cdef bytes take(self, object texts, Text *of_group, Py_ssize_t *longest):
        """The texts of a group, the size of the longest one, and the key."""
        cdef Py_ssize_t place
        longest[0] = 0
        if not isinstance(texts, tuple) or PyTuple_GET_SIZE(<tuple>texts) <= self.texts:
            raise TypeError(f"expected {self.texts} texts and a key, received {texts!r}")
        for place in range(self.texts + 1):
            text = (<tuple>texts)[place]
            if not PyBytes_CheckExact(text):
                raise TypeError(f"expected bytes, received {text!r}")
            if place < self.texts:
                of_group[place] = Text(PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))
                longest[0] = max(longest[0], PyBytes_GET_SIZE(text))
        return <bytes>(<tuple>texts)[self.texts]


cdef int check(Py_ssize_t place, tuple kinds) except -1:
    """Whether a row has such an item."""
    if not 0 <= place < ITEMS or KNOWN["items"][place][1] not in kinds:
        raise ValueError(f"expected an item that is {' or '.join(kinds)}, received the one at {place}")
    return 0
