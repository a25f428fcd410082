/* scan: kernels for running sums, products, maxima, minima and sums of exponentials along a line.  Strictly in order,
 * single precision carried in double, so every layout and ISA gives the same bits.
 * Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_SCAN_H
#define RT_UFUNC_KERNELS_SCAN_H
#include "core/dtype.h"

typedef enum { RT_SCAN_SUM, RT_SCAN_PROD, RT_SCAN_MAX, RT_SCAN_MIN, RT_SCAN_LOGSUM,
               RT_SCAN_COUNT } rt_scan_kind;

typedef struct {
    /* out[i] = fold of x[0] ... x[i]; all steps in bytes.  index, for MAX and MIN, receives where the
     * value stands (the last of equals; the first NaN), or is NULL. */
    void (*line)(const char *x, intptr_t n, intptr_t step, char *out, intptr_t out_step,
                 int64_t *index, intptr_t index_step);
    /* The same for m lines, `col` bytes apart in x and `out_col` in out; NULL where it gains nothing. */
    void (*lines)(const char *x, intptr_t n, intptr_t step, intptr_t col, char *out, intptr_t out_step,
                  intptr_t out_col, intptr_t m);
} rt_scanner;

/* A scanner whose line is NULL does not exist: the caller converts first. */
typedef const rt_scanner rt_scanner_table[RT_SCAN_COUNT][RT_NDTYPE];
#endif
