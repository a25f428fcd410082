/* attention: the row kernels of scaled dot product attention: softmax of scaled scores with a mask, and its
 * gradient, in place over rows.  Behind the n elements of x, p and g there must be room up to a multiple of
 * RT_ATTENTION_ROOM, which is overwritten.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_ATTENTION_H
#define RT_UFUNC_KERNELS_ATTENTION_H
#include <stdint.h>

enum { RT_ATTENTION_ROOM = 16 };

typedef struct {   /* one per dtype with kernels (f32, f64) */
    /* x = softmax(x scale + mask) over n elements, mask NULL for none; *lse = log of the sum of exps, unless NULL.  A row of
     * which all is masked becomes zeros, with *lse 0. */
    void (*soften)(void *x, intptr_t n, double scale, const void *mask, void *lse);
    /* The same with the lse known. */
    void (*resoften)(void *x, intptr_t n, double scale, const void *mask, const void *lse);
    /* g = p (g - sum(g p)) factor */
    void (*slope)(const void *p, void *g, intptr_t n, double factor);
    /* x *= factor */
    void (*scale)(void *x, intptr_t n, double factor);
    /* out[r line + k] = x[r] . y[k] for few rows r < m, k < n; x_row and y_row elements from row to row, `width` in one. */
    void (*dots)(intptr_t m, intptr_t n, intptr_t width, const void *x, intptr_t x_row, const void *y, intptr_t y_row, void *out,
                 intptr_t line);
    /* out[r] = the sum over k < n of p[r line + k] y[k], `width` elements, for few rows r < m. */
    void (*means)(intptr_t m, intptr_t n, intptr_t width, const void *p, intptr_t line, const void *y, intptr_t y_row, void *out,
                  intptr_t out_row);
} rt_attentions;
#endif
