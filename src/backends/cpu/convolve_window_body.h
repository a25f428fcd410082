/* The products of convolve_window.c for one instruction set: included with VEC, LANES, WIDE (vectors of a register tile),
 * LOAD, STORE, SPREAD, FMA and NAME defined.  No include guard. */

/* Positions, six or twelve: to[at[i]][vectors] = start + sum over p of x[from[i] + terms[p]] * w[p * wide + lanes], start: what
 * stands there when `add`, else the bias. */
static inline __attribute__((always_inline)) void NAME(tile)(const int high, const int vectors, intptr_t k, const float *x,
    const int32_t *from, const int32_t *terms, const float *w, intptr_t wide, float *to, const int32_t *at, int add,
    const float *bias)
{
    VEC sum[12][WIDE];
    const float *one[12];
    _Pragma("GCC unroll 12") for (int i = 0; i < high; i++) {
        one[i] = x + from[i];
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) sum[i][v] = add ? SPREAD(0) : LOAD(bias + v * LANES);
    }
    for (intptr_t p = 0; p < k; p++, w += wide) {
        const intptr_t t = terms[p];
        VEC y[WIDE];
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) y[v] = LOAD(w + v * LANES);
        _Pragma("GCC unroll 12") for (int i = 0; i < high; i++) {
            const VEC z = SPREAD(one[i][t]);
            _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) sum[i][v] = FMA(z, y[v], sum[i][v]);
        }
    }
    _Pragma("GCC unroll 12") for (int i = 0; i < high; i++)
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) {
            float *out = to + at[i] + v * LANES;
            if (add) sum[i][v] += LOAD(out);
            STORE(out, sum[i][v]);
        }
}

typedef void NAME(tile_fn)(intptr_t k, const float *x, const int32_t *from, const int32_t *terms, const float *w, intptr_t wide,
                           float *to, const int32_t *at, int add, const float *bias);
#define TILE(name, high, v) \
    static __attribute__((noinline)) void NAME(name)(intptr_t k, const float *x, const int32_t *from, const int32_t *terms, \
        const float *w, intptr_t wide, float *to, const int32_t *at, int add, const float *bias) \
    { NAME(tile)(high, v, k, x, from, terms, w, wide, to, at, add, bias); }
TILE(tall, 12, 1)                /* six chains of one vector would wait for each other */
TILE(tile_1, 6, 1) TILE(tile_2, 6, 2)
#if WIDE == 4
TILE(tile_3, 6, 3) TILE(tile_4, 6, 4)
static NAME(tile_fn) *const NAME(tiles)[WIDE] = {NAME(tile_1), NAME(tile_2), NAME(tile_3), NAME(tile_4)};
#else
static NAME(tile_fn) *const NAME(tiles)[WIDE] = {NAME(tile_1), NAME(tile_2)};
#endif

/* n positions (a multiple of six) and `wide` rows of the result. */
static void NAME(product)(intptr_t n, intptr_t k, const float *x, const int32_t *from, const int32_t *terms, const float *w,
                          intptr_t wide, float *to, const int32_t *at, int add, const float *bias)
{
    intptr_t p = 0;
    do {
        const intptr_t deep = k - p < DEPTH ? k - p : DEPTH;
        for (intptr_t j = 0; j < wide; j += WIDE * LANES) {
            const intptr_t vectors = (wide - j) / LANES < WIDE ? (wide - j) / LANES : WIDE;
            intptr_t i = 0;
            for (; vectors == 1 && i + 12 <= n; i += 12)
                NAME(tall)(deep, x, from + i, terms + p, w + p * wide + j, wide, to + j, at + i, add || p > 0, bias + j);
            for (; i < n; i += 6)
                NAME(tiles)[vectors - 1](deep, x, from + i, terms + p, w + p * wide + j, wide, to + j, at + i, add || p > 0, bias + j);
        }
        p += deep;
    } while (p < k);
}
#undef VEC
#undef LANES
#undef WIDE
#undef LOAD
#undef STORE
#undef SPREAD
#undef FMA
#undef NAME
#undef TILE
