/* The products of convolve_window.c for one instruction set: included with VEC, LANES, WIDE (vectors of a register tile),
 * LOAD, STORE, SPREAD, FMA and NAME defined.  No include guard. */

/* Six positions: to[at[i]][vectors] = start + sum over p of x[from[i] + terms[p]] * w[p * wide + lanes], start: what
 * stands there when `add`, else the bias. */
static inline __attribute__((always_inline)) void NAME(tile)(const int vectors, intptr_t k, const float *x, const int32_t *from,
    const int32_t *terms, const float *w, intptr_t wide, float *to, const int32_t *at, int add, const float *bias)
{
    VEC sum[6][WIDE];
    const float *const x0 = x + from[0], *const x1 = x + from[1], *const x2 = x + from[2], *const x3 = x + from[3];
    const float *const x4 = x + from[4], *const x5 = x + from[5];
    _Pragma("GCC unroll 6") for (int i = 0; i < 6; i++)
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) sum[i][v] = add ? SPREAD(0) : LOAD(bias + v * LANES);
    for (intptr_t p = 0; p < k; p++, w += wide) {
        const intptr_t t = terms[p];
        VEC y[WIDE];
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) y[v] = LOAD(w + v * LANES);
#define ROW(i) { \
            const VEC one = SPREAD(x##i[t]); \
            _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) sum[i][v] = FMA(one, y[v], sum[i][v]); \
        }
        ROW(0) ROW(1) ROW(2) ROW(3) ROW(4) ROW(5)
#undef ROW
    }
    _Pragma("GCC unroll 6") for (int i = 0; i < 6; i++)
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) {
            float *out = to + at[i] + v * LANES;
            if (add) sum[i][v] += LOAD(out);
            STORE(out, sum[i][v]);
        }
}

typedef void NAME(tile_fn)(intptr_t k, const float *x, const int32_t *from, const int32_t *terms, const float *w, intptr_t wide,
                           float *to, const int32_t *at, int add, const float *bias);
#define TILE(v) \
    static __attribute__((noinline)) void NAME(tile_##v)(intptr_t k, const float *x, const int32_t *from, const int32_t *terms, \
        const float *w, intptr_t wide, float *to, const int32_t *at, int add, const float *bias) \
    { NAME(tile)(v, k, x, from, terms, w, wide, to, at, add, bias); }
TILE(1) TILE(2)
#if WIDE == 4
TILE(3) TILE(4)
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
            for (intptr_t i = 0; i < n; i += 6)
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
