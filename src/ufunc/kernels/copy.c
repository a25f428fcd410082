/* copy: the copiers of each size of elements, and as loops of one input over rows.
 * Floor: ufunc/kernels. */
#include <string.h>
#include "ufunc/kernels/table.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#pragma GCC optimize("no-tree-loop-distribute-patterns")      /* copies stay the loops they are, not calls */

enum { TILE = 32, FEW = 8, LONG = 24 << 10, PATTERN = 2048 };
/* of a tile; rows and columns; bytes from which memcpy knows better; of a row, repeated */
#define NAMED(stem) PASTE(stem##_, SIZE)

#if defined(__AVX512F__)
enum { CHUNK = 64 };
#else
enum { CHUNK = 32 };
#endif
typedef uint8_t chunk __attribute__((vector_size(CHUNK), aligned(1), may_alias));
typedef uint8_t half __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t word_8 __attribute__((aligned(1), may_alias));
typedef uint32_t word_4 __attribute__((aligned(1), may_alias));

/* As memcpy; short rows, of which there are many, without a call. */
ALWAYS void copy_bytes(char *to, const char *from, intptr_t n)
{
    if (n > LONG) {
        memcpy(to, from, (size_t)n);
    } else if (n >= CHUNK) {
        for (intptr_t i = 0; i < n - CHUNK; i += CHUNK) *(chunk *)(to + i) = *(const chunk *)(from + i);
        *(chunk *)(to + n - CHUNK) = *(const chunk *)(from + n - CHUNK);
    } else if (n >= 16) {
        for (intptr_t i = 16; i < n - 16; i += 16) *(half *)(to + i) = *(const half *)(from + i);
        const half a = *(const half *)from, b = *(const half *)(from + n - 16);
        *(half *)to = a, *(half *)(to + n - 16) = b;
    } else if (n >= 8) {
        const uint64_t a = *(const word_8 *)from, b = *(const word_8 *)(from + n - 8);
        *(word_8 *)to = a, *(word_8 *)(to + n - 8) = b;
    } else if (n >= 4) {
        const uint32_t a = *(const word_4 *)from, b = *(const word_4 *)(from + n - 4);
        *(word_4 *)to = a, *(word_4 *)(to + n - 4) = b;
    } else {
        for (intptr_t i = 0; i < n; i++) to[i] = from[i];
    }
}

/* Rows of n bytes, packed, all the same: what is written is copied on, many rows at a time. */
static void repeat_bytes(char *to, const char *from, intptr_t n, intptr_t rows)
{
    const intptr_t all = n * rows;
    intptr_t done = n, unit = n;
    copy_bytes(to, from, n);
    while (done < all) {
        if (unit < PATTERN) unit = done;
        const intptr_t next = all - done < unit ? all - done : unit;
        copy_bytes(to + done, to, next);
        done += next;
    }
}

#define SIZE 1
#define CELL uint8_t
#define ZIP_LOW {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23}
#define ZIP_HIGH {8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31}
#include "ufunc/kernels/copy_body.h"
#define SIZE 2
#define CELL uint16_t
#define ZIP_LOW {0, 8, 1, 9, 2, 10, 3, 11}
#define ZIP_HIGH {4, 12, 5, 13, 6, 14, 7, 15}
#include "ufunc/kernels/copy_body.h"
#define SIZE 4
#define CELL uint32_t
#define ZIP_LOW {0, 4, 1, 5}
#define ZIP_HIGH {2, 6, 3, 7}
#include "ufunc/kernels/copy_body.h"
#define SIZE 8
#define CELL uint64_t
#define ZIP_LOW {0, 2}
#define ZIP_HIGH {1, 3}
#include "ufunc/kernels/copy_body.h"
#define SIZE 16
#define CELL unsigned __int128
#include "ufunc/kernels/copy_body.h"

#define COPIER(size) \
    void RT_ISA_NAME(copy_##size)(rt_place to, rt_place from, intptr_t rows, intptr_t cols) { copy_##size(to, from, rows, cols); }
COPIER(1)
COPIER(2)
COPIER(4)
COPIER(8)
COPIER(16)

rt_loop *const RT_ISA_NAME(copies)[5] = {loop_1, loop_2, loop_4, loop_8, loop_16};

void RT_ISA_NAME(copy_stream)(char *to, const char *from, intptr_t n)
{
#if defined(__x86_64__)
    intptr_t head = -(intptr_t)to & 63;
    if (head > n) head = n;
    memcpy(to, from, (size_t)head);
    to += head, from += head, n -= head;
    for (; n >= 64; n -= 64, to += 64, from += 64) {
#if defined(__AVX512F__)
        _mm512_stream_si512((void *)to, _mm512_loadu_si512(from));
#elif defined(__AVX2__)
        _mm256_stream_si256((void *)to, _mm256_loadu_si256((const void *)from));
        _mm256_stream_si256((void *)(to + 32), _mm256_loadu_si256((const void *)(from + 32)));
#else
        for (int i = 0; i < 64; i += 16) _mm_stream_si128((void *)(to + i), _mm_loadu_si128((const void *)(from + i)));
#endif
    }
#endif
    memcpy(to, from, (size_t)n);
}
