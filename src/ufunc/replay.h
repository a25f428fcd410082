/* replay: gradients that can themselves be differentiated, for rows whose backward is one fused
 * kernel.  The row is computed again from its saved inputs as a composition of other rows
 * (rustorch/_replay.py), and that graph is walked with create_graph.  Floor: ufunc. */
#ifndef RT_UFUNC_REPLAY_H
#define RT_UFUNC_REPLAY_H
#include "ufunc/op.h"

/* For a node whose row saves RT_SAVE_INPUTS; as an rt_backward_fn.  Call it when rt_grad_enabled. */
int rt_replay(rt_node *node, rt_tensor *const *g, rt_tensor **gin);
#endif
