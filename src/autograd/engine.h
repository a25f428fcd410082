/* engine: the walk from results to leaves.  Floor: autograd. */
#ifndef RT_AUTOGRAD_ENGINE_H
#define RT_AUTOGRAD_ENGINE_H
#include "core/node.h"

typedef struct {
    int n;                        /* outputs and their gradients (NULL: ones, for a single element) */
    rt_tensor *const *outputs;
    rt_tensor *const *grads;
    int ninputs;                  /* 0: every leaf reached */
    rt_tensor *const *inputs;
    rt_tensor **captured;         /* NULL: accumulate into .grad; else new references or NULL, one an input */
    int retain_graph, create_graph;
} rt_backward_call;

RT_WARN_UNUSED int rt_backward(const rt_backward_call *call);
/* leaf.grad += g, which is stolen, as a backward pass does it without a graph of it. */
RT_WARN_UNUSED int rt_backward_accumulate(rt_tensor *leaf, rt_tensor *g);
/* Number of the backward pass that this thread is in, 0 outside of one. */
uint64_t rt_backward_current(void);
/* g brought to a shape and dtype by summing what was broadcast and converting; new reference. */
RT_WARN_UNUSED rt_tensor *rt_gradient_fit(const char *op, rt_tensor *g, rt_dtype dtype, int ndim, const intptr_t *shape);
#endif
