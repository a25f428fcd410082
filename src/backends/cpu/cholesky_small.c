/* cholesky_small: the factor of one small matrix, column by column; sides of which the compiler knows the length are
 * unrolled.  Floor: backends.  Knows no Python. */
#include "backends/cpu/cholesky_small.h"
#include <math.h>

#pragma GCC optimize("O3")

/* L[i][j] lies at a[i * row + j * column]: of an upper factor both are exchanged. */
#define BODY(T, root) \
    static inline __attribute__((always_inline)) int factor_##T(const int n, T *a, const int row, const int column) \
    { \
        for (int j = 0; j < n; j++) { \
            T rest = a[j * (row + column)]; \
            for (int k = 0; k < j; k++) rest -= a[j * row + k * column] * a[j * row + k * column]; \
            if (!(rest > 0)) return j + 1; \
            const T side = root(rest); \
            a[j * (row + column)] = side; \
            for (int i = j + 1; i < n; i++) { \
                T sum = a[i * row + j * column]; \
                for (int k = 0; k < j; k++) sum -= a[i * row + k * column] * a[j * row + k * column]; \
                a[i * row + j * column] = sum / side; \
            } \
        } \
        return 0; \
    } \
    static int run_##T(char uplo, int n, T *a) \
    { \
        const int upper = uplo == 'U'; \
        switch (n) { \
        case 2: return upper ? factor_##T(2, a, 2, 1) : factor_##T(2, a, 1, 2); \
        case 3: return upper ? factor_##T(3, a, 3, 1) : factor_##T(3, a, 1, 3); \
        case 4: return upper ? factor_##T(4, a, 4, 1) : factor_##T(4, a, 1, 4); \
        default: return upper ? factor_##T(n, a, n, 1) : factor_##T(n, a, 1, n); \
        } \
    }
BODY(float, sqrtf)
BODY(double, sqrt)

int rt_cholesky_small(rt_dtype d, char uplo, int n, void *a)
{
    return d == RT_f32 ? run_float(uplo, n, a) : run_double(uplo, n, a);
}
