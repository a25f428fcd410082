/* The products of convolve_window.c for one instruction set: included with VEC, LANES, WIDE (vectors of a register tile),
 * LOAD, STORE, SPREAD, FMA and NAME defined.  No include guard. */

/* Positions, six or twelve: to[at[i]][vectors] = start + sum over p in the runs of x[from[i] + terms[p]] * w[p * wide + lanes],
 * start: what stands there when `add`, else the bias. */
static inline __attribute__((always_inline)) void NAME(tile)(const int high, const int vectors, const int runs,
    const int32_t (*run)[2], const float *x, const int32_t *from, const int32_t *terms, const float *w, intptr_t wide, float *to,
    const int32_t *at, int add, const float *bias)
{
    VEC sum[12][WIDE];
    const float *one[12];
    _Pragma("GCC unroll 12") for (int i = 0; i < high; i++) {
        one[i] = x + from[i];
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) sum[i][v] = add ? SPREAD(0) : LOAD(bias + v * LANES);
    }
    for (int r = 0; r < runs; r++) {
        const float *s = w + run[r][0] * wide;
        for (intptr_t p = run[r][0]; p < run[r][1]; p++, s += wide) {
            const intptr_t t = terms[p];
            VEC y[WIDE];
            _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) y[v] = LOAD(s + v * LANES);
            _Pragma("GCC unroll 12") for (int i = 0; i < high; i++) {
                const VEC z = SPREAD(one[i][t]);
                _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) sum[i][v] = FMA(z, y[v], sum[i][v]);
            }
        }
    }
    _Pragma("GCC unroll 12") for (int i = 0; i < high; i++)
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) {
            float *out = to + at[i] + v * LANES;
            if (add) sum[i][v] += LOAD(out);
            STORE(out, sum[i][v]);
        }
}

typedef void NAME(tile_fn)(int runs, const int32_t (*run)[2], const float *x, const int32_t *from, const int32_t *terms,
                           const float *w, intptr_t wide, float *to, const int32_t *at, int add, const float *bias);
#define TILE(name, high, v, count) \
    static __attribute__((noinline)) void NAME(name)(int runs, const int32_t (*run)[2], const float *x, const int32_t *from, \
        const int32_t *terms, const float *w, intptr_t wide, float *to, const int32_t *at, int add, const float *bias) \
    { (void)runs; NAME(tile)(high, v, count, run, x, from, terms, w, wide, to, at, add, bias); }
TILE(tall, 12, 1, runs) TILE(tall_once, 12, 1, 1)       /* six chains of one vector would wait for each other; twelve
                                                         * addresses and a loop over runs do not fit the registers */
TILE(tile_1, 6, 1, runs) TILE(tile_2, 6, 2, runs)
#if WIDE == 4
TILE(tile_3, 6, 3, runs) TILE(tile_4, 6, 4, runs)
static NAME(tile_fn) *const NAME(tiles)[WIDE] = {NAME(tile_1), NAME(tile_2), NAME(tile_3), NAME(tile_4)};
#else
static NAME(tile_fn) *const NAME(tiles)[WIDE] = {NAME(tile_1), NAME(tile_2)};
#endif

/* n positions (a multiple of six) and `wide` rows of the result. */
static void NAME(product)(intptr_t n, intptr_t k, const float *x, const int32_t *from, const int32_t *terms, const float *w,
                          intptr_t wide, float *to, const int32_t *at, const rt_window_runs *runs, int add, const float *bias)
{
    intptr_t p = 0;
    do {
        const intptr_t end = k - p < DEPTH ? k : p + DEPTH;
        const int more = add || p > 0;
        int32_t run[RT_WINDOW_RUNS][2];
        for (intptr_t j = 0; j < wide; j += WIDE * LANES) {
            const intptr_t vectors = (wide - j) / LANES < WIDE ? (wide - j) / LANES : WIDE;
            int kind = -1, count = 0;
            for (intptr_t i = 0, high; i < n; i += high) {
                const int32_t *kinds = runs->kind + i / 6;
                high = vectors == 1 && i + 12 <= n && kinds[0] == kinds[1] ? 12 : 6;
                if (kinds[0] != kind) count = clip(runs, kind = kinds[0], p, end, run);
                if (more && count == 0) continue;
                NAME(tile_fn) *const tile = high == 6 ? NAME(tiles)[vectors - 1] : count == 1 ? NAME(tall_once) : NAME(tall);
                tile(count, (const int32_t (*)[2])run, x, from + i, terms, w + j, wide, to + j, at + i, more, bias + j);
            }
        }
        p = end;
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
