/* hooks: Python callables on the way of gradients, and what anomaly mode adds.  Floor: autograd. */
#ifndef RT_AUTOGRAD_HOOKS_H
#define RT_AUTOGRAD_HOOKS_H
#include "core/node.h"

/* Hooks are dicts {id: callable} as PyTorch keeps them: order of registration, removal by handle. */
/* Runs fn(g) for each; a result that is not None replaces *g (owned). */
RT_WARN_UNUSED int rt_hooks_run(PyObject *hooks, rt_tensor **g);
/* pre_hooks of a node: {id: (nr, callable)}, (nr, weakref) where a gradient is retained, and
 * (-1, callable) for fn(all gradients) -> None or new ones. */
RT_WARN_UNUSED int rt_hooks_run_outputs(rt_node *n);
/* hooks of a node: fn(grad_inputs, grad_outputs) -> None or new grad_inputs. */
RT_WARN_UNUSED int rt_hooks_run_node(rt_node *n, rt_tensor **gin);
/* fn(leaf) after accumulation: entries of leaf->hooks that carry `after` = True. */
RT_WARN_UNUSED int rt_hooks_run_accumulated(rt_tensor *leaf);
/* Anomaly mode: RuntimeError when a gradient has a NaN. */
RT_WARN_UNUSED int rt_hooks_check_nan(rt_node *n, rt_tensor **gin);
/* Adds the line that created n to the exception in flight, when it is known. */
void rt_hooks_explain(rt_node *n);
#endif
