/* Panels of bfloat16 for the kernel that multiplies pairs: two neighbours along k are one 32-bit word.  Included by
 * gemm_float.c in the place of the panels of gemm_pack_body.h, with REAL float: a word is moved, never
 * computed with.  No include guard. */

typedef uint32_t __attribute__((may_alias)) NAME(word);
typedef struct { const REAL *at; intptr_t lane, step, next; } NAME(panels);

static inline intptr_t NAME(reals)(const rt_gemm *q) { return 1; }
static inline intptr_t NAME(depth)(const rt_gemm *q) { return (q->k + 1) / 2; }

/* dst[p * width + i] = the pair src[2 p * depth + i * lane], src[(2 p + 1) * depth + i * lane], where 2 p + 1 < most. */
static void NAME(pair)(const uint16_t *src, intptr_t depth, intptr_t lane, intptr_t lanes, intptr_t k, intptr_t most,
                       NAME(word) *dst, intptr_t width)
{
    for (intptr_t p = 0; p < k; p++, dst += width, src += 2 * depth) {
        const uint16_t *first = src, *second = src + depth;
        if (2 * p + 1 >= most)
            for (intptr_t i = 0; i < lanes; i++) dst[i] = first[i * lane];
        else if (lane == 1)
            for (intptr_t i = 0; i < lanes; i++) dst[i] = (uint32_t)first[i] | (uint32_t)second[i] << 16;
        else
            for (intptr_t i = 0; i < lanes; i++) dst[i] = (uint32_t)first[i * lane] | (uint32_t)second[i * lane] << 16;
        for (intptr_t i = lanes; i < width; i++) dst[i] = 0;
    }
}

/* Lanes of words: may pairs be read as they lie? */
static int NAME(is_paired)(const rt_gemm *q, intptr_t along, intptr_t across)
{
    return along == 1 && across % 2 == 0 && q->k % 2 == 0;
}

static NAME(panels) NAME(take_a)(const rt_gemm *q, intptr_t i, intptr_t m, intptr_t p, intptr_t k, intptr_t n, intptr_t high)
{
    const uint16_t *a = (const uint16_t *)q->a + i * q->a_row + 2 * p * q->a_col;
    REAL *to = (REAL *)q->a_buffer;
    if (NAME(is_paired)(q, q->a_col, q->a_row)) return (NAME(panels)){(const REAL *)a, q->a_row / 2, 1, q->a_row / 2};
    for (intptr_t r = 0; r < m; r += high)
        NAME(pair)(a + r * q->a_row, q->a_col, q->a_row, m - r < high ? m - r : high, k, q->k - 2 * p, (NAME(word) *)(to + r * k),
                   high);
    return (NAME(panels)){to, 1, high, k};
}

static NAME(panels) NAME(take_b)(const rt_gemm *q, intptr_t j, intptr_t l, int columns, intptr_t p, intptr_t k, intptr_t m,
                                 intptr_t wide, int packed, int kept)
{
    const uint16_t *b = (const uint16_t *)q->b + 2 * p * q->b_row + (j + l) * q->b_col;
    REAL *to = (REAL *)q->b_buffer + (kept ? l * k : 0);
    if (packed) return (NAME(panels)){to, 1, wide, 0};
    if (NAME(is_paired)(q, q->b_row, q->b_col)) NAME(pack)((const REAL *)b, 1, q->b_col / 2, columns, k, to, wide);
    else NAME(pair)(b, q->b_row, q->b_col, columns, k, q->k - 2 * p, (NAME(word) *)to, wide);
    return (NAME(panels)){to, 1, wide, 0};
}
