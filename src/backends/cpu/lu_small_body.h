/* lu_small_body: LU of one small column-major matrix in element type T, whose size SIZE measures for the choice
 * of pivots.  Included by lu_small.c once a type, with NAME for the names.  No include guard. */

INLINE int NAME(factor_of)(const int n, T *a, int32_t *pivots)
{
    int info = 0;
    for (int k = 0; k < n; k++) {
        T *column = a + k * n;
        int p = k;
        __typeof__(SIZE(*a)) most = SIZE(column[k]);
        for (int i = k + 1; i < n; i++) {            /* without branches, which nobody could foretell */
            const __typeof__(most) size = SIZE(column[i]);
            const int greater = size > most;
            most = greater ? size : most;
            p = greater ? i : p;
        }
        pivots[k] = p + 1;
        if (column[p] == 0) {
            if (!info) info = k + 1;
            continue;
        }
        if (p != k)
            for (int j = 0; j < n; j++) {
                T held = a[j * n + k];
                a[j * n + k] = a[j * n + p];
                a[j * n + p] = held;
            }
        for (int i = k + 1; i < n; i++) column[i] /= column[k];
        for (int j = k + 1; j < n; j++) {
            T *other = a + j * n, factor = other[k];
            for (int i = k + 1; i < n; i++) other[i] -= column[i] * factor;
        }
    }
    return info;
}

/* b = (P L U)^-1 b for nrhs columns of b. */
INLINE void NAME(solve_of)(const int n, int nrhs, const T *lu, const int32_t *pivots, T *b)
{
    for (int c = 0; c < nrhs; c++, b += n) {
        for (int k = 0; k < n; k++) {
            T held = b[k];
            b[k] = b[pivots[k] - 1];
            b[pivots[k] - 1] = held;
        }
        for (int k = 0; k < n; k++)
            for (int i = k + 1; i < n; i++) b[i] -= lu[k * n + i] * b[k];
        for (int k = n - 1; k >= 0; k--) {
            b[k] /= lu[k * n + k];
            for (int i = 0; i < k; i++) b[i] -= lu[k * n + i] * b[k];
        }
    }
}

/* Sides of which the compiler knows the length are unrolled. */
#define SIDES(call) switch (n) { case 2: call(2); break; case 3: call(3); break; case 4: call(4); break; default: call(n); }

static int NAME(factor)(int n, T *a, int32_t *pivots)
{
    int info;
#define FACTOR(side) info = NAME(factor_of)(side, a, pivots)
    SIDES(FACTOR)
    return info;
}

static void NAME(solve)(int n, int nrhs, const T *lu, const int32_t *pivots, T *b)
{
#define SOLVE(side) NAME(solve_of)(side, nrhs, lu, pivots, b)
    SIDES(SOLVE)
}

static void NAME(invert)(int n, T *lu, const int32_t *pivots)
{
    T copy[RT_LU_SMALL * RT_LU_SMALL];
    memcpy(copy, lu, (size_t)(n * n) * sizeof(T));
    memset(lu, 0, (size_t)(n * n) * sizeof(T));
    for (int k = 0; k < n; k++) lu[k * (n + 1)] = 1;
    NAME(solve)(n, n, copy, pivots, lu);
}
#undef SIDES
#undef FACTOR
#undef SOLVE
