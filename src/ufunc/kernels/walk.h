/* walk: cuts the strided operands of an inner loop into spans over packed memory.
 *
 *   packed operands are used where they lie; those of step 0 are spread once; others are
 *   gathered in blocks:   x . x . x . x  ->  [x x x x] -> span -> [o o o o] ->  o . . o . . o
 *
 * An output that runs into inputs not yet read is computed one element at a time, as NumPy's
 * reduce and accumulate ask.  Nothing outside the operands is touched.  The includer defines
 * ELEMENT_BYTES (of the largest operand); with vector.h before, a span's unit is a vector.
 * Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_WALK_H
#define RT_UFUNC_KERNELS_WALK_H
#include <stdint.h>
#include <string.h>
#include "ufunc/kernels/table.h"

enum { BLOCK = 256, MOST_INPUTS = 5 };
#ifdef RT_UFUNC_KERNELS_VECTOR_H
enum { CHUNK = LANES, SPREAD = LANES };   /* elements of a span's unit, and of a spread operand */
#else
enum { CHUNK = 1, SPREAD = BLOCK };
#endif

/* The number of operands is known where a walk is compiled: sizes become constants. */
#define EACH_OPERAND _Pragma("GCC unroll 8")

/* n units at in[k], each input advancing by inc[k] bytes a unit (real words: 0 or a vector);
 * scalar words read all inputs packed. */
typedef void span_fn(char *const *in, const intptr_t *inc, char *out, intptr_t n);

/* Inputs, and bytes of an element of each and of the result (size[nin]). */
typedef struct { int nin, size[MOST_INPUTS + 1]; } walk_sizes;

typedef uint16_t unaligned_2 __attribute__((aligned(1), may_alias));
typedef uint32_t unaligned_4 __attribute__((aligned(1), may_alias));
typedef uint64_t unaligned_8 __attribute__((aligned(1), may_alias));

ALWAYS void move(char *to, intptr_t to_step, const char *from, intptr_t from_step, intptr_t m, int size)
{
#pragma GCC unroll 4
    for (; m > 0; m--, to += to_step, from += from_step) {
        if (size == 1) *to = *from;
        else if (size == 2) *(unaligned_2 *)to = *(const unaligned_2 *)from;
        else if (size == 4) *(unaligned_4 *)to = *(const unaligned_4 *)from;
        else if (size == 8) *(unaligned_8 *)to = *(const unaligned_8 *)from;
        else memcpy(to, from, 16);
    }
}

/* m elements into packed `to`, the last chunk filled up. */
ALWAYS void gather(char *to, const char *from, intptr_t step, intptr_t m, int size)
{
#ifdef RT_UFUNC_KERNELS_VECTOR_H
    intptr_t rest = m % LANES;
    if (step == size) {
        if (m >= LANES) memcpy(to, from, (size_t)(m - rest) * size);
        if (rest) vector_store(to + (m - rest) * size, vector_load_part(from + (m - rest) * size, rest));
        return;
    }
    if (rest) vector_store(to + (m - rest) * size, splat(1));
#endif
    move(to, size, from, step, m, size);
}

ALWAYS void scatter(char *to, intptr_t step, const char *from, intptr_t m, int size)
{
#ifdef RT_UFUNC_KERNELS_VECTOR_H
    if (step == size && m < LANES) {
        /* Less than 32 bytes by halves: pieces of one stored vector are forwarded, masked stores are slow. */
        intptr_t bytes = m * size;
        for (int piece = VECTOR_BYTES / 2; piece >= size; piece /= 2) {
            if (!(bytes & piece)) continue;
            memcpy(to, from, (size_t)piece);
            to += piece, from += piece;
        }
        return;
    }
#endif
    move(to, step, from, size, m, size);
}

ALWAYS void spread(char *to, const char *from, intptr_t n UNUSED, int size UNUSED)
{
#ifdef RT_UFUNC_KERNELS_VECTOR_H
    vector_store(to, splat(*(const unaligned_real *)from));
#else
    move(to, size, from, 0, n < SPREAD ? n : SPREAD, size);
#endif
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

/* Elements [0, m), m <= BLOCK, through packed copies. */
ALWAYS void walk_block(walk_sizes s, char *const *args, const intptr_t *steps,
                       char *const *fixed, intptr_t m, span_fn *span)
{
    char room[MOST_INPUTS][BLOCK * ELEMENT_BYTES] __attribute__((aligned(64)));
    char result[BLOCK * ELEMENT_BYTES] __attribute__((aligned(64)));
    char *in[MOST_INPUTS];
    intptr_t inc[MOST_INPUTS];
    EACH_OPERAND for (int k = 0; k < s.nin; k++) {
        in[k] = fixed[k];
        inc[k] = 0;
        if (steps[k] == 0) continue;
        gather(in[k] = room[k], args[k], steps[k], m, s.size[k]);
        inc[k] = CHUNK * s.size[k];
    }
    span(in, inc, result, (m + CHUNK - 1) / CHUNK);
    scatter(args[s.nin], steps[s.nin], result, m, s.size[s.nin]);
}

ALWAYS void walk_span(walk_sizes s, char **args, intptr_t n, const intptr_t *steps, span_fn *span)
{
    char room[MOST_INPUTS][SPREAD * ELEMENT_BYTES] __attribute__((aligned(64)));
    char *at[MOST_INPUTS + 1], *fixed[MOST_INPUTS];
    intptr_t inc[MOST_INPUTS];
    int packed = steps[s.nin] == s.size[s.nin], fixes = 0;
    EACH_OPERAND for (int k = 0; k < s.nin; k++) {
        at[k] = args[k];
        fixed[k] = room[k];
        inc[k] = CHUNK * s.size[k];
        if (steps[k] == 0) {
            spread(at[k] = room[k], args[k], n, s.size[k]);
            inc[k] = 0;
            fixes = 1;
        } else packed &= steps[k] == s.size[k];
    }
    at[s.nin] = args[s.nin];
    intptr_t whole = n / CHUNK * CHUNK;
    while (packed && whole > 0) {
        intptr_t m = fixes && CHUNK == 1 && whole > SPREAD ? SPREAD : whole;
        span(at, inc, at[s.nin], m / CHUNK);
        EACH_OPERAND for (int k = 0; k < s.nin; k++) if (inc[k]) at[k] += m * steps[k];
        at[s.nin] += m * steps[s.nin];
        whole -= m;
        n -= m;
    }
    while (n > 0) {
        intptr_t m = n < BLOCK ? n : BLOCK;
        walk_block(s, at, steps, fixed, m, span);
        EACH_OPERAND for (int k = 0; k <= s.nin; k++) at[k] += m * steps[k];
        n -= m;
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
    scatter(out, steps[s.nin], result, n, s.size[s.nin]);
    return 1;
}
#endif

ALWAYS void walk(walk_sizes s, char **args, intptr_t n, const intptr_t *steps, span_fn *span)
{
#ifdef RT_UFUNC_KERNELS_VECTOR_H
    if (walk_short(s, args, n, steps, span)) return;
#endif
    if (n > 1 && runs_ahead(s, args, n, steps)) {
        char *at[MOST_INPUTS + 1];
        EACH_OPERAND for (int k = 0; k <= s.nin; k++) at[k] = args[k];
        for (; n > 0; n--) {
            walk_span(s, at, 1, steps, span);
            EACH_OPERAND for (int k = 0; k <= s.nin; k++) at[k] += steps[k];
        }
        return;
    }
    walk_span(s, args, n, steps, span);
}
#endif
