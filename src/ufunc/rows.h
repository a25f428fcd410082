/* Expands every row of the op table to RT_ROW(name), the elementwise ones first.  No include guard:
 * include it with RT_ROW defined. */
#include "ufunc/elementwise_rows.h"
#define REDUCE(name, ...) RT_ROW(name)
#define GUFUNC(name, ...) RT_ROW(name)
#define VIEW(name, ...) RT_ROW(name)
#define UPDATE(name, ...) RT_ROW(name)
#include "ufunc/ops.def"
#undef REDUCE
#undef GUFUNC
#undef VIEW
#undef UPDATE
