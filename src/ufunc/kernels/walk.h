/* walk: cuts the operands of an inner loop, rows of any steps, into spans over packed memory.
 *
 *   operands that lie packed are used where they lie; those of step 0 are spread once; others are
 *   copied in blocks of a few rows or a part of one:
 *                       x . x . x . x  ->  [x x x x] -> span -> [o o o o] ->  o . . o . . o
 *
 * A call without rows is NumPy's: an output that runs into inputs not yet read is computed one element at a time, as
 * reduce and accumulate ask.  Nothing outside the operands is touched.  The includer defines ELEMENT_BYTES (of the
 * largest operand); with vector.h before, a span's unit is a vector.
 * Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_WALK_H
#define RT_UFUNC_KERNELS_WALK_H
#include <stdint.h>
#include <string.h>
#include "ufunc/kernels/table.h"

#ifdef RT_UFUNC_KERNELS_VECTOR_H
/* elements of a span's unit, of which 16-bit ones fill a register as well; bytes behind a block */
enum { CHUNK = ELEMENT_BYTES < sizeof(real) ? VECTOR_BYTES / ELEMENT_BYTES : LANES, SLACK = VECTOR_BYTES };
enum { OF_REALS = ELEMENT_BYTES == sizeof(real) };     /* elements are the vector's own */
#else
enum { CHUNK = 1, SLACK = 0, OF_REALS = 0 };
#endif
enum { MOST_INPUTS = 5, BLOCK = ELEMENT_BYTES > 8 ? 512 : 1024,       /* elements */
       SPREAD = CHUNK > 1 ? CHUNK : BLOCK,                            /* elements of a spread operand */
       SHORT = BLOCK / (CHUNK > 4 ? CHUNK : 4),                       /* rows up to this are taken several at once */
       TURNED = BLOCK < 1024 ? 16 : 32 };                             /* rows and columns where an operand is transposed */

/* The number of operands is known where a walk is compiled: sizes become constants. */
#define EACH_OPERAND _Pragma("GCC unroll 8")

/* n units at in[k], each input advancing by inc[k] bytes a unit (real words: 0 or a vector);
 * scalar words read all inputs packed. */
typedef void span_fn(char *const *in, const intptr_t *inc, char *out, intptr_t n);

/* Inputs, and bytes of an element of each and of the result (size[nin]). */
typedef struct { int nin, size[MOST_INPUTS + 1]; } walk_sizes;

/* How an input lies in the blocks of a call. */
enum { ANYHOW, FIXED, REPEATED, ACROSS };              /* one element; every row the same; packed, rows included */

/* As a copier; the size is known where it is called. */
ALWAYS void copy(rt_place to, rt_place from, intptr_t rows, intptr_t cols, int size)
{
    if (size == 1) RT_ISA_NAME(copy_1)(to, from, rows, cols);
    else if (size == 2) RT_ISA_NAME(copy_2)(to, from, rows, cols);
    else if (size == 4) RT_ISA_NAME(copy_4)(to, from, rows, cols);
    else if (size == 8) RT_ISA_NAME(copy_8)(to, from, rows, cols);
    else RT_ISA_NAME(copy_16)(to, from, rows, cols);
}

/* n elements into packed `to`, the last chunk filled up. */
ALWAYS void pack(char *to, rt_place from, intptr_t rows, intptr_t cols, int size)
{
#ifdef RT_UFUNC_KERNELS_VECTOR_H
    const intptr_t n = rows * cols;
    if (OF_REALS && n < LANES && from.step == size && rows == 1) {
        vector_store(to, vector_load_part(from.at, n));
        return;
    }
    if (n % CHUNK) vector_store(to + n * size, splat(1));
#endif
    copy((rt_place){to, cols * size, size}, from, rows, cols, size);
}

ALWAYS void unpack(rt_place to, const char *from, intptr_t rows, intptr_t cols, int size)
{
#ifdef RT_UFUNC_KERNELS_VECTOR_H
    if (to.step == size && rows == 1 && cols < CHUNK) {
        /* Less than a vector by halves: pieces of one stored vector are forwarded, masked stores are slow. */
        intptr_t bytes = cols * size;
        for (int piece = VECTOR_BYTES / 2; piece >= size; piece /= 2) {
            if (!(bytes & piece)) continue;
            memcpy(to.at, from, (size_t)piece);
            to.at += piece, from += piece;
        }
        return;
    }
#endif
    copy(to, (rt_place){(char *)from, cols * size, size}, rows, cols, size);
}

ALWAYS void spread(char *to, const char *from, intptr_t n UNUSED, int size UNUSED)
{
#ifdef RT_UFUNC_KERNELS_VECTOR_H
    if (OF_REALS) {
        vector_store(to, splat(*(const unaligned_real *)from));
        return;
    }
#endif
    copy((rt_place){to, 0, size}, (rt_place){(char *)from, 0, 0}, 1, CHUNK > 1 || n > SPREAD ? SPREAD : n, size);
}

/* Would writing out[i] change an input that is read for some element after i?  Operands that
 * coincide exactly do not. */
ALWAYS int runs_ahead(walk_sizes s, char **args, intptr_t n, const intptr_t *steps)
{
    const char *out = args[s.nin], *out_end = out + (n - 1) * steps[s.nin];
    const char *low = out < out_end ? out : out_end, *high = (out < out_end ? out_end : out) + s.size[s.nin];
    EACH_OPERAND for (int k = 0; k < s.nin; k++) {
        const char *a = args[k], *b = a + (n - 1) * steps[k];
        if (a == out && steps[k] == steps[s.nin] && steps[k] != 0 && s.size[k] == s.size[s.nin]) continue;
        if ((a < b ? a : b) < high && low < (a < b ? b : a) + s.size[k]) return 1;
    }
    return 0;
}

/* What all blocks of a call share. */
typedef struct {
    walk_sizes s;
    intptr_t n;                            /* of a row */
    const intptr_t *steps, *rows;          /* from an element to the next, from a row to the next */
    int way[MOST_INPUTS + 1];
    char **room, *result;
    int kept, stream;                      /* repeated rows are in their rooms; past the cache */
} blocks;

/* `high` rows of `wide` elements at at[k]: packed operands are used in place when they fill whole chunks. */
ALWAYS void walk_block(const blocks *b, char *const *at, intptr_t high, intptr_t wide, span_fn *span)
{
    const walk_sizes s = b->s;
    const intptr_t m = high * wide;
    char *in[MOST_INPUTS];
    intptr_t inc[MOST_INPUTS];
    const int whole = m % CHUNK == 0;
    /* one row of packed elements, or rows that follow one another */
#define IN_PLACE(k) (whole && b->steps[k] == s.size[k] && (high == 1 || (b->way[k] == ACROSS && wide == b->n)))
    EACH_OPERAND for (int k = 0; k < s.nin; k++) {
        in[k] = b->room[k];
        inc[k] = b->steps[k] == 0 && (high == 1 || b->way[k] == FIXED) ? 0 : CHUNK * s.size[k];
        if (b->way[k] == FIXED || (b->way[k] == REPEATED && b->kept)) continue;
        if (IN_PLACE(k)) in[k] = at[k];
        else if (inc[k] == 0) spread(in[k], at[k], wide, s.size[k]);
        else pack(in[k], (rt_place){at[k], b->rows[k], b->steps[k]}, high, wide, s.size[k]);
    }
    char *out = at[s.nin];
    const int direct = IN_PLACE(s.nin);
    span(in, inc, direct && !b->stream ? out : b->result, (m + CHUNK - 1) / CHUNK);
    if (direct && b->stream) RT_ISA_NAME(copy_stream)(out, b->result, m * s.size[s.nin]);
    else if (!direct) unpack((rt_place){out, b->rows[s.nin], b->steps[s.nin]}, b->result, high, wide, s.size[s.nin]);
#undef IN_PLACE
}

#ifdef RT_UFUNC_KERNELS_VECTOR_H
/* Rows of packed inputs and single elements, none of them the output: where they lie, what is left of a vector as the
 * end of a whole one, computed twice. */
ALWAYS void walk_long_rows(const blocks *b, char **args, intptr_t count, span_fn *span)
{
    const walk_sizes s = b->s;
    const intptr_t units = b->n / CHUNK, back = b->n - CHUNK, *rows = b->rows;
    char *in[MOST_INPUTS], *out = args[s.nin];
    intptr_t inc[MOST_INPUTS];
    EACH_OPERAND for (int k = 0; k < s.nin; k++) {
        in[k] = b->steps[k] ? args[k] : b->room[k];
        inc[k] = b->steps[k] ? CHUNK * s.size[k] : 0;
    }
    for (intptr_t row = 0; row < count; row++, out += rows[s.nin]) {
        EACH_OPERAND for (int k = 0; k < s.nin; k++)
            if (inc[k]) in[k] = args[k] + row * rows[k];
            else if (b->way[k] != FIXED) spread(in[k], args[k] + row * rows[k], b->n, s.size[k]);
        span(in, inc, out, units);
        if (units * CHUNK == b->n) continue;
        EACH_OPERAND for (int k = 0; k < s.nin; k++) if (inc[k]) in[k] += back * s.size[k];
        span(in, inc, out + back * s.size[s.nin], 1);
    }
}
#endif

/* Is an operand packed from row to row, not along them? */
ALWAYS int is_turned(intptr_t row, intptr_t step, int size) { return row == size && step != size && step != 0; }

ALWAYS void walk_rows(walk_sizes s, char **args, intptr_t n, const intptr_t *steps, const rt_rows *r, span_fn *span)
{
    char room[MOST_INPUTS][BLOCK * ELEMENT_BYTES + SLACK] __attribute__((aligned(64)));
    char result[BLOCK * ELEMENT_BYTES + SLACK] __attribute__((aligned(64)));
    char *rooms[MOST_INPUTS], *at[MOST_INPUTS + 1];
    blocks b = {.s = s, .n = n, .steps = steps, .rows = r->steps, .room = rooms, .result = result, .stream = r->stream};
    intptr_t count = r->count, high = 1, wide = n;
    int across = 1, packed = 1, turned = 0, fixes = 0, apart = 1, ready = 1;   /* ready: blocks of rows need no copies */
    EACH_OPERAND for (int k = 0; k <= s.nin; k++) {
        const intptr_t step = steps[k], row = count > 1 ? r->steps[k] : n * step;
        b.way[k] = k < s.nin && step == 0 && row == 0 ? FIXED : step == s.size[k] && row == n * step ? ACROSS
                 : k < s.nin && row == 0 ? REPEATED : ANYHOW;
        across &= b.way[k] == ACROSS || b.way[k] == FIXED;
        ready &= b.way[k] != ANYHOW;
        packed &= step == s.size[k] || (k < s.nin && step == 0);
        fixes |= step == 0;
        turned |= k < s.nin && is_turned(row, step, s.size[k]);
        if (k == s.nin) continue;
        apart &= args[k] != args[s.nin];
        rooms[k] = room[k];
        if (b.way[k] == FIXED) spread(room[k], args[k], n * count, s.size[k]);
    }
    if (across) b.n = n *= count, wide = n, count = 1;
#ifdef RT_UFUNC_KERNELS_VECTOR_H
    if (count > 1 && n >= 2 * CHUNK && packed && apart && !b.stream && !(ready && n <= SHORT)) {
        walk_long_rows(&b, args, count, span);
        return;
    }
#endif
    if (count > 1 && n <= SHORT) high = BLOCK / n / CHUNK * CHUNK;
    else if (turned && count >= 8) high = wide = TURNED;
    else if (!packed || b.stream || (fixes && CHUNK == 1)) wide = BLOCK;
    if (wide > n) wide = n;
    for (intptr_t row = 0; row < count; row += high) {
        const intptr_t h = count - row < high ? count - row : high;
        for (intptr_t col = 0, w; col < n; col += w) {
            w = n - col < wide ? n - col : wide;
            if (CHUNK > 1 && h == 1 && w > CHUNK) w -= w % CHUNK;      /* what is left of a vector goes by itself, */
            else if (CHUNK > 1 && h == 1 && w < CHUNK && col && packed && apart) col -= CHUNK - w, w = CHUNK;
                                                                       /* or as the end of a whole one, computed twice */
            EACH_OPERAND for (int k = 0; k <= s.nin; k++) at[k] = args[k] + row * r->steps[k] + col * steps[k];
            if (turned && wide < n) EACH_OPERAND for (int k = 0; k < s.nin; k++)
                if (is_turned(r->steps[k], steps[k], s.size[k]))
                    for (intptr_t c = wide; c < 2 * wide && col + c < n; c++) __builtin_prefetch(at[k] + c * steps[k]);
            walk_block(&b, at, h, w, span);
            b.kept = high > 1 && w == n && h == high;
        }
    }
}

#ifdef RT_UFUNC_KERNELS_VECTOR_H
/* Fewer elements than a vector, packed or of step 0, the output on no input but in place: the usual
 * small call.  0 when it is not that. */
ALWAYS int walk_short(walk_sizes s, char **args, intptr_t n, const intptr_t *steps, span_fn *span)
{
    char room[MOST_INPUTS][VECTOR_BYTES] __attribute__((aligned(64))), result[VECTOR_BYTES] __attribute__((aligned(64)));
    char *in[MOST_INPUTS], *out = args[s.nin];
    intptr_t inc[MOST_INPUTS];
    if (n >= LANES || steps[s.nin] != s.size[s.nin]) return 0;
    EACH_OPERAND for (int k = 0; k < s.nin; k++) {
        intptr_t apart = out - args[k];
        if ((steps[k] != s.size[k] && steps[k] != 0)
            || (apart < n * s.size[k] && apart > -n * s.size[s.nin] && (apart != 0 || steps[k] == 0)))
            return 0;
    }
    EACH_OPERAND for (int k = 0; k < s.nin; k++) {
        in[k] = room[k];
        inc[k] = 0;
        vector_store(room[k], steps[k] ? vector_load_part(args[k], n) : splat(*(const unaligned_real *)args[k]));
    }
    span(in, inc, result, 1);
    unpack((rt_place){out, 0, s.size[s.nin]}, result, 1, n, s.size[s.nin]);
    return 1;
}
#endif

/* The usual small call, done at once; a function with nothing but that ahead of `walk` needs no large frame. */
ALWAYS int walk_small(walk_sizes s UNUSED, char **args UNUSED, intptr_t n UNUSED, const intptr_t *steps UNUSED,
                      const void *rows UNUSED, span_fn *span UNUSED)
{
#ifdef RT_UFUNC_KERNELS_VECTOR_H
    return OF_REALS && !rows && walk_short(s, args, n, steps, span);
#else
    return 0;
#endif
}

ALWAYS void walk(walk_sizes s, char **args, intptr_t n, const intptr_t *steps, const void *rows, span_fn *span)
{
    const rt_rows one = {1, steps, 0};
    if (!rows && n > 1 && runs_ahead(s, args, n, steps)) {
        char *at[MOST_INPUTS + 1];
        EACH_OPERAND for (int k = 0; k <= s.nin; k++) at[k] = args[k];
        for (; n > 0; n--) {
            walk_rows(s, at, 1, steps, &one, span);
            EACH_OPERAND for (int k = 0; k <= s.nin; k++) at[k] += steps[k];
        }
        return;
    }
    walk_rows(s, args, n, steps, rows ? rows : &one, span);
}
#endif
