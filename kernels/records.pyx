# cython: boundscheck=False, wraparound=False, cdivision=True
"""Rows as text documents that all have one form: constant pieces, and between them numbers, integers and given texts.

Owns the copying of the pieces, and the digits of integers. The digits of floats come as finished text. Nothing here knows
what the documents tell.

Safety: every row and every text is looked at before anything of it is copied; a document's largest size is known before
it is written; where more is copied than counts (``BLOCK`` bytes at once are cheaper than as many as there are), both ends
have room for it.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_FromStringAndSize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.float cimport PyFloat_AS_DOUBLE
from cpython.long cimport PyLong_AsDouble, PyLong_CheckExact
from cpython.tuple cimport PyTuple_GET_SIZE
from libc.math cimport NAN
from libc.string cimport memchr, memcpy

from kernels.prefetch cimport ROWS_AHEAD, PyTuple_GET_ITEM, ask_for, look_ahead

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object number, int* overflow) except? -1

cdef enum:
    BLOCK = 32  # bytes copied at once; no float's text is longer
    MOST = 128  # pieces of a form, and numbers of a row
    MOST_TEXTS = 8  # of a group
    INTEGER_SIZE = 24  # digits and sign of a little more than 64 bits

cdef enum Kind:
    TEXT
    NUMBER
    INTEGER
    CHOICE

cdef dict KINDS = {"text": TEXT, "number": NUMBER, "integer": INTEGER, "choice": CHOICE}

cdef struct Slot:
    Kind kind
    Py_ssize_t place
    Py_ssize_t begin  # of the constant piece before it
    Py_ssize_t size

cdef struct Text:
    const char* at
    Py_ssize_t size


cdef inline char* put(char* out, const char* text, Py_ssize_t size) noexcept:
    """Copy a constant piece."""
    memcpy(out, text, BLOCK)
    if size > BLOCK:
        memcpy(out + BLOCK, text + BLOCK, size - BLOCK)
    return out + size


cdef inline char* put_digits(char* out, long long value) noexcept:
    cdef char[2 * INTEGER_SIZE] digits
    cdef int at = INTEGER_SIZE
    cdef unsigned long long rest = <unsigned long long>value
    if value < 0:
        out[0] = b"-"
        out += 1
        rest = 0 - rest
    while True:
        at -= 1
        digits[at] = <char>(48 + rest % 10)
        rest //= 10
        if not rest:
            break
    memcpy(out, digits + at, INTEGER_SIZE)
    return out + INTEGER_SIZE - at


cdef char* put_integer(char* out, object value) except NULL:
    """Write an integer, or null for None."""
    cdef int overflow = 0
    cdef long long small
    if value is None:
        memcpy(out, b"null", 4)
        return out + 4
    if not PyLong_CheckExact(value):
        raise TypeError(f"expected an integer or None, received {value!r}")
    small = PyLong_AsLongLongAndOverflow(value, &overflow)
    if not overflow:
        return put_digits(out, small)
    text = b"%d" % value
    if len(text) > INTEGER_SIZE:
        raise OverflowError(f"expected an integer of {INTEGER_SIZE} digits at most, received {value}")
    memcpy(out, PyBytes_AS_STRING(text), len(text))
    return out + len(text)


cdef inline double number_of(object item) except? -1.0:
    """A float, NaN for None; no code of others is run while rows are read."""
    if isinstance(item, float):
        return PyFloat_AS_DOUBLE(item)
    if item is None:
        return NAN
    if not PyLong_CheckExact(item):
        raise TypeError(f"expected a number or None, received {item!r}")
    return PyLong_AsDouble(item)


cdef class Form:
    """The form that all documents have.

    Args:
        slots: What a document consists of, in its order: the constant piece before, the kind of what follows, its place,
            and the texts to choose from. ``text``: the group's text of that place. ``number``: the next number.
            ``integer``: the row's item of that place, None is ``null``. ``choice``: the text with the number that the item
            is, and of an item that is no integer the first for None, the second for all others.
        end: The last piece.
        sources: Where a row's numbers come from, in their order: a column (0, 1 ...), or an item of the row (``~item``).
        instead: An item of the row that is None, or a tuple of numbers that stand instead of some of the others.
        instead_from: The first number that they stand for.
        instead_count: How many they are.
    """

    cdef Slot[MOST] slots
    cdef Py_ssize_t count, width  # of slots, of sources
    cdef list choices  # of each slot
    cdef bytes pieces  # all constant pieces, and BLOCK bytes of nothing
    cdef Py_ssize_t end, end_size  # the last piece
    cdef Py_ssize_t[MOST] sources
    cdef Py_ssize_t items, columns, texts  # so many are needed
    cdef Py_ssize_t written  # texts in a document
    cdef Py_ssize_t instead, instead_from, instead_count
    cdef Py_ssize_t largest  # of a document, without its group's texts

    def __cinit__(self, slots, bytes end, sources, Py_ssize_t instead, Py_ssize_t instead_from, Py_ssize_t instead_count):
        self.count, self.width = len(slots), len(sources)
        self.instead, self.instead_from, self.instead_count = instead, instead_from, instead_count
        if self.count > MOST or not 0 < self.width <= MOST:
            raise ValueError(f"expected at most {MOST} slots and sources, received {self.count} and {self.width}")
        if min(instead, instead_from, instead_count) < 0 or instead_from > self.width - instead_count:
            raise ValueError(f"expected numbers that stand for some of {self.width}, received {instead_count}")
        self.items, self.columns, self.texts = instead + 1, 0, 0
        for number, source in enumerate(sources):
            self.sources[number] = source
            self.columns = max(self.columns, source + 1)
            self.items = max(self.items, -source)
        self.pieces, self.choices, self.largest = b"", [], len(end)
        for number, (before, kind, place, choices) in enumerate(slots):
            if place < 0 or (kind == "text" and place >= MOST_TEXTS):
                raise ValueError(f"expected a place, received {place}")
            self.slots[number] = Slot(KINDS[kind], place, len(self.pieces), len(before))
            self.pieces += before
            self.choices.append(tuple(bytes(choice) for choice in choices))
            self.largest += len(before) + max(BLOCK, *map(len, choices), 0)
            if kind == "text":
                self.texts = max(self.texts, place + 1)
            elif kind != "number":
                self.items = max(self.items, place + 1)
        if [slot[1] for slot in slots].count("number") != self.width:
            raise ValueError("expected a source for each number")
        self.written = [slot[1] for slot in slots].count("text")
        self.end, self.end_size = len(self.pieces), len(end)
        self.pieces += end + bytes(BLOCK)

    def gather(self, list rows not None, const double[:, :] columns not None, double[::1] out not None):
        """Fill ``out``, shape (n * len(sources),), with the numbers of ``rows`` (tuples); None becomes NaN.

        Raises:
            TypeError: a row is no tuple that is long enough, or an item no number.
            ValueError: the shapes do not fit.
        """
        cdef Py_ssize_t index, place, source
        cdef double* to
        cdef tuple row
        if columns.shape[0] != len(rows) or columns.shape[1] < self.columns:
            raise ValueError(f"expected columns of {len(rows)} rows, received those of {columns.shape[0]}, or too few")
        if out.shape[0] != len(rows) * self.width:
            raise ValueError(f"expected room for {len(rows) * self.width} numbers, received {out.shape[0]}")
        if not len(rows):
            return
        to = &out[0]
        for index in range(len(rows)):
            look_ahead(rows, index)
            row = self.checked(rows[index])
            for place in range(self.width):
                source = self.sources[place]
                to[place] = columns[index, source] if source >= 0 else number_of(<object>PyTuple_GET_ITEM(row, ~source))
            others = <object>PyTuple_GET_ITEM(row, self.instead)
            if others is not None:
                if not isinstance(others, tuple) or PyTuple_GET_SIZE(<tuple>others) != self.instead_count:
                    raise ValueError(f"expected {self.instead_count} numbers, received {others}")
                for place in range(self.instead_count):
                    to[self.instead_from + place] = number_of(<object>PyTuple_GET_ITEM(<tuple>others, place))
            to += self.width

    def write(self, list rows not None, list counts not None, list texts not None, bytes numbers not None):
        """The documents of ``rows`` (tuples).

        Args:
            counts: How many rows each group has; the rows of one group stand after those of another.
            texts: The texts of each group.
            numbers: What ``gather`` gave, as a JSON array without spaces.

        Raises:
            TypeError: a row is no tuple that is long enough, an item no integer, or a text not bytes.
            ValueError: there are not as many rows, numbers or choices as are needed.
            OverflowError: an integer has more than 24 digits.
        """
        cdef Text[MOST_TEXTS] of_group
        cdef const char* at = PyBytes_AS_STRING(numbers) + 1
        cdef const char* end = PyBytes_AS_STRING(numbers) + PyBytes_GET_SIZE(numbers)
        cdef Py_ssize_t index = 0, count, longest = 0, group, size, place
        cdef bytearray scratch
        cdef list out = []
        if len(counts) != len(texts):
            raise ValueError(f"expected texts of {len(counts)} groups, received those of {len(texts)}")
        for group in range(len(texts)):
            longest = max(longest, self.longest(texts[group]))
            if not PyLong_CheckExact(counts[group]):
                raise TypeError(f"expected a number of rows, received {counts[group]!r}")
        scratch = PyByteArray_FromStringAndSize(NULL, self.largest + self.written * longest + BLOCK)
        for group in range(len(counts)):
            count = counts[group]
            if count < 0 or count > len(rows) - index:
                raise ValueError(f"expected groups of {len(rows)} rows in all, received more")
            if group + ROWS_AHEAD < len(texts):
                for place in range(self.texts):
                    ask_for(PyTuple_GET_ITEM(<tuple>texts[group + ROWS_AHEAD], place))
            for place in range(self.texts):
                text = <object>PyTuple_GET_ITEM(<tuple>texts[group], place)
                of_group[place] = Text(PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))
            for _ in range(count):
                look_ahead(rows, index)
                size = self.fill(PyByteArray_AS_STRING(scratch), self.checked(rows[index]), of_group, &at, end)
                out.append(PyBytes_FromStringAndSize(PyByteArray_AS_STRING(scratch), size))
                index += 1
        if index != len(rows) or (index and at < end):
            raise ValueError(f"expected groups and numbers of {len(rows)} rows, received groups of {index}")
        return out

    cdef Py_ssize_t fill(
        self, char* document, tuple row, const Text* texts, const char** numbers, const char* end
    ) except -1:
        """Write one document; its size. ``numbers`` is moved behind the numbers that it took."""
        cdef char* out = document
        cdef const char* constant = PyBytes_AS_STRING(self.pieces)
        cdef const char* stop
        cdef Py_ssize_t index, size
        cdef Slot slot
        for index in range(self.count):
            slot = self.slots[index]
            out = put(out, constant + slot.begin, slot.size)
            if slot.kind == NUMBER:
                if end - numbers[0] < 1:
                    raise ValueError("expected a number for each place, received fewer")
                stop = <const char*>memchr(numbers[0], b",", end - numbers[0])
                if stop == NULL:
                    stop = end - 1  # the bracket
                size = stop - numbers[0]
                if size > BLOCK:
                    raise ValueError(f"expected numbers of {BLOCK} characters at most, received {size}")
                memcpy(out, numbers[0], BLOCK if end - numbers[0] >= BLOCK else size)
                out += size
                numbers[0] = stop + 1
            elif slot.kind == INTEGER:
                out = put_integer(out, <object>PyTuple_GET_ITEM(row, slot.place))
            elif slot.kind == TEXT:
                memcpy(out, texts[slot.place].at, texts[slot.place].size)
                out += texts[slot.place].size
            else:
                out = self.put_choice(out, index, <object>PyTuple_GET_ITEM(row, slot.place))
        return put(out, constant + self.end, self.end_size) - document

    cdef char* put_choice(self, char* out, Py_ssize_t index, object item) except NULL:
        """Write one of the texts of a slot."""
        cdef tuple choices = <tuple>self.choices[index]
        cdef Py_ssize_t choice = item if PyLong_CheckExact(item) else item is not None
        if not 0 <= choice < PyTuple_GET_SIZE(choices):
            raise ValueError(f"expected the number of one of {choices}, received {item}")
        text = choices[choice]
        memcpy(out, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))
        return out + PyBytes_GET_SIZE(text)

    cdef inline tuple checked(self, object row):
        if not isinstance(row, tuple) or PyTuple_GET_SIZE(<tuple>row) < self.items:
            raise TypeError(f"expected a row of {self.items} items, received {row!r}")
        return <tuple>row

    cdef Py_ssize_t longest(self, object texts) except -1:
        """The size of the longest of a group's texts."""
        cdef Py_ssize_t place, size = 0
        if not isinstance(texts, tuple) or PyTuple_GET_SIZE(<tuple>texts) < self.texts:
            raise TypeError(f"expected {self.texts} texts, received {texts!r}")
        for place in range(self.texts):
            text = <object>PyTuple_GET_ITEM(<tuple>texts, place)
            if not PyBytes_CheckExact(text):
                raise TypeError(f"expected bytes, received {text!r}")
            size = max(size, PyBytes_GET_SIZE(text))
        return size
