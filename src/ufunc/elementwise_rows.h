/* Expands every row of elementwise.def to RT_ROW(name).  No include guard: include it with
 * RT_ROW defined. */
#define UNARY(name, ...) RT_ROW(name)
#define UNARY_REAL(name, ...) RT_ROW(name)
#define BINARY(name, ...) RT_ROW(name)
#define TERNARY(name, ...) RT_ROW(name)
#define PARAM1(name, ...) RT_ROW(name)
#define PARAM2(name, ...) RT_ROW(name)
#define UNARY_LOGIC(name, ...) RT_ROW(name)
#define BINARY_LOGIC(name, ...) RT_ROW(name)
#define SELECT(name, ...) RT_ROW(name)
#include "ufunc/elementwise.def"
#undef UNARY
#undef UNARY_REAL
#undef BINARY
#undef TERNARY
#undef PARAM1
#undef PARAM2
#undef UNARY_LOGIC
#undef BINARY_LOGIC
#undef SELECT
