/* depend: gradients that can be differentiated although they do not depend on what was differentiated: a
 * pool's gradient is linear in the incoming one and knows nothing of the input, yet a graph of it must reach
 * the input (its gradient there is zero), as PyTorch's does.  Floor: ufunc. */
#ifndef RT_UFUNC_DEPEND_H
#define RT_UFUNC_DEPEND_H
#include "core/node.h"

/* g itself, or under create_graph, when g has no history, g with edges to where the first nin inputs of `of` lead.
 * Consumes g, passes NULL through; new reference or NULL with an exception. */
RT_WARN_UNUSED rt_tensor *rt_depend(rt_tensor *g, const rt_node *of, int nin);
#endif
