/* views: what the rows that move elements without arithmetic share: the shape of a node's
 * input, parameters under construction, adding into elements.  Floor: ufunc. */
#ifndef RT_UFUNC_VIEWS_H
#define RT_UFUNC_VIEWS_H
#include <string.h>
#include "ufunc/apply.h"

/* Heads of the functions a row names. */
#define FORWARD(name) int name##_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
#define BACKWARD(name) int name##_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)

/* Facts of input i of a node whose edge is wanted; pointers borrowed from the graph. */
typedef struct { rt_dtype dtype; rt_device device; int ndim; const intptr_t *shape; } rt_input_meta;
rt_input_meta rt_node_input(const rt_node *n, int i);

/* Starts empty parameters; only what is used is written. */
static inline void rt_params_begin(rt_params *p)
{
    memset(p, 0, offsetof(rt_params, list));
}
static inline void rt_params_push(rt_params *p, int k, int n, const intptr_t *values)
{
    if (n > 0) memcpy(p->list + p->nlist, values, (size_t)n * sizeof *values);
    p->n[k] = (int16_t)n;
    p->nlist = (int16_t)(p->nlist + (n > 0 ? n : 0));
}

/* The operand as a tensor (borrowed); NULL with TypeError when it is a scalar. */
rt_tensor *rt_operand_tensor(const rt_op *op, const rt_operand *in, int i);
RT_WARN_UNUSED rt_tensor *rt_zeros(rt_dtype dtype, int ndim, const intptr_t *shape, rt_device dev);
/* New tensor in C order holding t's elements; not recorded. */
RT_WARN_UNUSED rt_tensor *rt_copy_of(const rt_tensor *t);
/* Does an op over g have to be recorded now? */
static inline int rt_records(const rt_tensor *g) { return rt_grad_enabled && rt_tensor_requires_grad(g); }

/* dst[i] += src[i] for n elements at these byte steps, in order; NULL for float16 and bfloat16,
 * which are summed in float32. */
typedef void rt_add_run(char *dst, const char *src, intptr_t n, intptr_t dst_step, intptr_t src_step);
extern rt_add_run *const rt_add_runs[RT_NDTYPE];
/* The dtype sums of `d` are kept in. */
static inline rt_dtype rt_add_dtype(rt_dtype d) { return d == RT_f16 || d == RT_bf16 ? RT_f32 : d; }
/* *(far + at[j]) += near[j] for n packed elements of `dtype` (one with an rt_add_run), in order. */
void rt_add_places(rt_dtype dtype, char *far, const intptr_t *at, const char *near, intptr_t n);
/* dst += src, same shape and dtype (one with an rt_add_run), element by element in order: elements of dst may
 * share memory. */
void rt_add_into(rt_tensor *dst, const rt_tensor *src);
#endif
