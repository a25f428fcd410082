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
} rt_attentions;
#endif
