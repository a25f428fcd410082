/* attention: the row kernels of scaled dot product attention: softmax of scaled scores with a mask, and its
 * gradient, in place over packed rows.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_ATTENTION_H
#define RT_UFUNC_KERNELS_ATTENTION_H
#include <stdint.h>

typedef struct {   /* one per dtype with kernels (f32, f64) */
    /* x = softmax(x scale + mask) over n elements, mask NULL for none; *lse = log of the sum of exps.  A row of
     * which all is masked becomes zeros, with *lse 0. */
    void (*soften)(void *x, intptr_t n, double scale, const void *mask, void *lse);
    /* The same with the lse known. */
    void (*resoften)(void *x, intptr_t n, double scale, const void *mask, const void *lse);
    /* g = p (g - sum(g p)) */
    void (*slope)(const void *p, void *g, intptr_t n);
    /* x *= factor */
    void (*scale)(void *x, intptr_t n, double factor);
} rt_attentions;
#endif
