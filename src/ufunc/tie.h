/* tie: a gradient that does not depend on an input of its op, but is to be seen as if it did, so that who
 * differentiates it again gets zeros and no error, as from PyTorch.  Floor: ufunc. */
#ifndef RT_UFUNC_TIE_H
#define RT_UFUNC_TIE_H
#include "ufunc/op.h"

/* Steals g, passes NULL through.  In a backward pass whose graph is made (grad mode on): g recorded as made of g
 * and of node's input i, to which its gradient is zero; g itself otherwise.  New reference, or NULL. */
RT_WARN_UNUSED rt_tensor *rt_tie(rt_tensor *g, const rt_node *node, int i);
#endif
