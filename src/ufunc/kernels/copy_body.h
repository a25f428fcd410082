/* copy_body: the copier of one size of elements; copy.c includes it with SIZE and CELL, the unsigned type of that
 * size.  What is packed along the rows in the source and along the columns in the destination is turned
 * in squares of 16 bytes:
 *
 *   source  a b c d . .     zip a with c, b with d,     destination  a e i m
 *           e f g h . .     then neighbours, ...                     b f j n
 *
 * No include guard.  Floor: ufunc/kernels. */
typedef CELL NAMED(cell) __attribute__((aligned(1), may_alias));
#define cell NAMED(cell)

/* n elements beside each other, all of them v. */
static void NAMED(fill)(char *to, CELL v, intptr_t n)
{
    if (SIZE == 1 && n > 64) {
        memset(to, (int)v, (size_t)n);
        return;
    }
    for (intptr_t i = 0; i < n; i++) ((cell *)to)[i] = v;
}

#if defined(__AVX2__) && (SIZE == 4 || SIZE == 8)
#define LANES (CHUNK / SIZE)
typedef CELL NAMED(vector) __attribute__((vector_size(CHUNK)));
typedef NAMED(vector) NAMED(unaligned) __attribute__((aligned(1), may_alias));

static const CELL NAMED(numbers)[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* Every third element: three vectors hold a vector of them, each in a place of its own: element k, of vector
 * 3 k / LANES, in place 3 k modulo LANES. */
static void NAMED(thirds)(cell *o, const cell *x, intptr_t n)
{
    enum { BACK = LANES == 16 ? 11 : 3 };        /* 3 * BACK is 1 more than LANES divides */
    const NAMED(vector) lane = *(const NAMED(unaligned) *)NAMED(numbers);
    const NAMED(vector) of = (lane * BACK & (LANES - 1)) * 3 / LANES, order = lane * 3 & (LANES - 1);
    const NAMED(vector) in[3] = {(NAMED(vector))(of == 0), (NAMED(vector))(of == 1), (NAMED(vector))(of == 2)};
    intptr_t i = 0;
    for (; i + LANES < n; i += LANES, x += 3 * LANES) {
        const NAMED(unaligned) *v = (const NAMED(unaligned) *)x;
        const NAMED(vector) all = (v[0] & in[0]) | (v[1] & in[1]) | (v[2] & in[2]);
        *(NAMED(unaligned) *)(o + i) = __builtin_shuffle(all, order);
    }
    for (; i < n; i++, x += 3) o[i] = *x;
}

#if defined(__AVX512F__) && SIZE == 4
#define PART(x, n) _mm512_maskz_loadu_epi32((__mmask16)((1u << (n)) - 1), x)
#elif defined(__AVX512F__)
#define PART(x, n) _mm512_maskz_loadu_epi64((__mmask8)((1u << (n)) - 1), x)
#endif
/* Rows shorter than a vector, one behind the other in `to`: a whole vector is written for each, over the room of those
 * that follow; the last ones as they are. */
static void NAMED(gather_short)(char *to, const char *from, intptr_t from_row, intptr_t rows, intptr_t cols)
{
#if defined(__AVX512F__)
    for (; rows * cols >= LANES; rows--, to += cols * SIZE, from += from_row)
        _mm512_storeu_si512(to, PART(from, cols));
#else
    const __m256i mask = (__m256i)(*(const NAMED(unaligned) *)NAMED(numbers) < (CELL)cols);
    for (; rows * cols >= LANES; rows--, to += cols * SIZE, from += from_row)
        _mm256_storeu_si256((__m256i *)to, SIZE == 4 ? _mm256_maskload_epi32((const void *)from, mask)
                                                     : _mm256_maskload_epi64((const void *)from, mask));
#endif
    for (; rows > 0; rows--, to += cols * SIZE, from += from_row) copy_bytes(to, from, cols * SIZE);
}
#undef PART
#endif

/* One row, whatever its steps. */
static void NAMED(row)(char *to, intptr_t to_step, const char *from, intptr_t from_step, intptr_t n)
{
    const cell *x = (const cell *)from;
    cell *o = (cell *)to;
    if (to_step != SIZE) {
        _Pragma("GCC unroll 4") for (intptr_t i = 0; i < n; i++, to += to_step, from += from_step) *(cell *)to = *(const cell *)from;
    } else if (from_step == SIZE) {
        copy_bytes(to, from, n * SIZE);
    } else if (from_step == 0) {
        NAMED(fill)(to, *x, n);
    } else if (from_step == -SIZE) {
        _Pragma("GCC ivdep") for (intptr_t i = 0; i < n; i++) o[i] = x[-i];
    } else if (from_step == 2 * SIZE) {
        _Pragma("GCC ivdep") for (intptr_t i = 0; i < n; i++) o[i] = x[2 * i];
#if defined(__AVX2__) && (SIZE == 4 || SIZE == 8)
    } else if (from_step == 3 * SIZE) {
        NAMED(thirds)(o, x, n);
#endif
    } else {
        _Pragma("GCC unroll 8") for (intptr_t i = 0; i < n; i++, from += from_step) o[i] = *(const cell *)from;
    }
}

#if SIZE < 16
enum { NAMED(SQUARE) = 16 / SIZE };
typedef CELL NAMED(line) __attribute__((vector_size(16)));
typedef NAMED(line) NAMED(unaligned_line) __attribute__((aligned(1), may_alias));

ALWAYS void NAMED(square)(char *to, intptr_t to_row, const char *from, intptr_t from_step)
{
    NAMED(line) v[NAMED(SQUARE)], w[NAMED(SQUARE)];
#pragma GCC unroll 16
    for (int i = 0; i < NAMED(SQUARE); i++) v[i] = *(const NAMED(unaligned_line) *)(from + i * from_step);
#pragma GCC unroll 4
    for (int times = 1; times < NAMED(SQUARE); times *= 2) {
#pragma GCC unroll 16
        for (int i = 0; i < NAMED(SQUARE) / 2; i++) {
            w[2 * i] = __builtin_shuffle(v[i], v[i + NAMED(SQUARE) / 2], (NAMED(line))ZIP_LOW);
            w[2 * i + 1] = __builtin_shuffle(v[i], v[i + NAMED(SQUARE) / 2], (NAMED(line))ZIP_HIGH);
        }
#pragma GCC unroll 16
        for (int i = 0; i < NAMED(SQUARE); i++) v[i] = w[i];
    }
#pragma GCC unroll 16
    for (int i = 0; i < NAMED(SQUARE); i++) *(NAMED(unaligned_line) *)(to + i * to_row) = v[i];
}
#endif

/* A tile: from.row and to.step are SIZE. */
static void NAMED(tile)(char *to, intptr_t to_row, const char *from, intptr_t from_step, intptr_t rows, intptr_t cols)
{
    intptr_t r = 0;
#if SIZE < 16
    for (; r + NAMED(SQUARE) <= rows; r += NAMED(SQUARE), to += NAMED(SQUARE) * to_row, from += 16) {
        intptr_t c = 0;
        for (; c + NAMED(SQUARE) <= cols; c += NAMED(SQUARE)) NAMED(square)(to + c * SIZE, to_row, from + c * from_step, from_step);
        for (; c < cols; c++)
            for (int i = 0; i < NAMED(SQUARE); i++)
                *(cell *)(to + i * to_row + c * SIZE) = *(const cell *)(from + c * from_step + i * SIZE);
    }
#endif
    for (; r < rows; r++, to += to_row, from += SIZE) NAMED(row)(to, SIZE, from, from_step, cols);
}

static void NAMED(turn)(rt_place to, rt_place from, intptr_t rows, intptr_t cols)
{
    for (intptr_t r = 0; r < rows; r += TILE) {
        const intptr_t high = rows - r < TILE ? rows - r : TILE;
        for (intptr_t c = 0; c < cols; c += TILE) {
            const intptr_t wide = cols - c < TILE ? cols - c : TILE;
            const char *in = from.at + r * SIZE + c * from.step;
            for (intptr_t next = wide; next < 2 * wide && c + next < cols; next++) __builtin_prefetch(in + next * from.step);
            NAMED(tile)(to.at + r * to.row + c * SIZE, to.row, in, from.step, high, wide);
        }
    }
}

static void NAMED(copy)(rt_place to, rt_place from, intptr_t rows, intptr_t cols)
{
    if (cols < FEW && rows > cols && (to.step != SIZE || from.step != SIZE || cols == 1)) {
        const intptr_t many = rows;                  /* by columns: rows this short cost more to begin than to walk */
        rows = cols, cols = many;
        to = (rt_place){to.at, to.step, to.row};
        from = (rt_place){from.at, from.step, from.row};
    }
    if (to.step == SIZE && from.step == SIZE && to.row == cols * SIZE && from.row == cols * SIZE) cols *= rows, rows = 1;
    if (to.step == SIZE && from.step == SIZE && from.row == 0 && to.row == cols * SIZE && rows > 1) {
        repeat_bytes(to.at, from.at, cols * SIZE, rows);
        return;
    }
#ifdef LANES
    if (to.step == SIZE && from.step == SIZE && to.row == cols * SIZE && cols < LANES) {
        NAMED(gather_short)(to.at, from.at, from.row, rows, cols);
        return;
    }
#endif
    if (to.step == SIZE && from.row == SIZE && from.step != SIZE && from.step != 0 && rows >= FEW && cols >= FEW) {
        NAMED(turn)(to, from, rows, cols);
        return;
    }
    for (; rows > 0; rows--, to.at += to.row, from.at += from.row) NAMED(row)(to.at, to.step, from.at, from.step, cols);
}

static void NAMED(loop)(char **args, const intptr_t *n, const intptr_t *steps, void *data)
{
    const rt_rows *r = data;
    NAMED(copy)((rt_place){args[1], r ? r->steps[1] : 0, steps[1]}, (rt_place){args[0], r ? r->steps[0] : 0, steps[0]},
                r ? r->count : 1, *n);
}
#undef cell
#undef LANES
#undef SIZE
#undef CELL
#undef ZIP_LOW
#undef ZIP_HIGH
