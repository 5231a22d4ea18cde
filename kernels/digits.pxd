# Numbers as text: the digits of integers, and where a number in a JSON array ends.
from libc.string cimport memchr, memcpy

cdef extern from *:
    """
    #if defined(__SSE2__) && (defined(__GNUC__) || defined(__clang__))
    #include <emmintrin.h>
    /* Copies 32 bytes; the place of the first comma among them, or 32. */
    static inline Py_ssize_t copy_to_comma(char *to, const char *from) {
        const __m128i comma = _mm_set1_epi8(',');
        const __m128i one = _mm_loadu_si128((const __m128i *)from);
        const __m128i two = _mm_loadu_si128((const __m128i *)(from + 16));
        unsigned int found = (unsigned int)_mm_movemask_epi8(_mm_cmpeq_epi8(one, comma));
        found |= (unsigned int)_mm_movemask_epi8(_mm_cmpeq_epi8(two, comma)) << 16;
        _mm_storeu_si128((__m128i *)to, one);
        _mm_storeu_si128((__m128i *)(to + 16), two);
        return found ? __builtin_ctz(found) : 32;
    }
    #else
    static inline Py_ssize_t copy_to_comma(char *to, const char *from) {
        const char *comma = (const char *)memchr(from, ',', 32);
        memcpy(to, from, 32);
        return comma == NULL ? 32 : comma - from;
    }
    #endif
    static const char PAIRS[] =
        "00010203040506070809" "10111213141516171819" "20212223242526272829" "30313233343536373839"
        "40414243444546474849" "50515253545556575859" "60616263646566676869" "70717273747576777879"
        "80818283848586878889" "90919293949596979899";
    """
    Py_ssize_t copy_to_comma(char *to, const char *from_) noexcept
    const char *PAIRS

cdef enum:
    MOST_DIGITS = 20  # and a sign

cdef inline char *put_eight(char *out, unsigned int number) noexcept:
    """Eight digits of a number below 10^8; no digit waits for another."""
    cdef unsigned int high = number // 10000, low = number % 10000
    memcpy(out, PAIRS + 2 * (high // 100), 2)
    memcpy(out + 2, PAIRS + 2 * (high % 100), 2)
    memcpy(out + 4, PAIRS + 2 * (low // 100), 2)
    memcpy(out + 6, PAIRS + 2 * (low % 100), 2)
    return out + 8

cdef inline char *put_head(char *out, unsigned int number) noexcept:
    """The digits of a number below 10^8, no zero before them."""
    cdef char *end
    cdef char *at
    if number < 10:
        out[0] = <char>(48 + number)
        return out + 1
    end = out + 2 + (number >= 100) + (number >= 1000) + (number >= 10_000) + (number >= 100_000)
    end += (number >= 1_000_000) + (number >= 10_000_000)
    at = end
    while number >= 100:
        at -= 2
        memcpy(at, PAIRS + 2 * (number % 100), 2)
        number //= 100
    if number >= 10:
        memcpy(out, PAIRS + 2 * number, 2)
    else:
        out[0] = <char>(48 + number)
    return end

cdef inline char *put_digits(char *out, long long value) noexcept:
    """The digits of an integer."""
    cdef unsigned long long rest = <unsigned long long>value
    if value < 0:
        out[0] = c"-"
        out += 1
        rest = 0 - rest
    if rest < 100_000_000:
        return put_head(out, <unsigned int>rest)
    if rest < 10_000_000_000_000_000:
        out = put_head(out, <unsigned int>(rest // 100_000_000))
        return put_eight(out, <unsigned int>(rest % 100_000_000))
    out = put_head(out, <unsigned int>(rest // 10_000_000_000_000_000))
    rest %= 10_000_000_000_000_000
    out = put_eight(out, <unsigned int>(rest // 100_000_000))
    return put_eight(out, <unsigned int>(rest % 100_000_000))
