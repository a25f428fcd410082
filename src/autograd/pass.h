/* pass: a run of ops and the backward pass from its result as one list of kernel calls, for a network so small that
 * looking at operands, recording and walking cost more than the kernels.  Buffers, shapes and who adds to which
 * gradient are settled once; the kernels are those of the ops one by one, and so are the bits.  Floor: autograd. */
#ifndef RT_AUTOGRAD_PASS_H
#define RT_AUTOGRAD_PASS_H
#include "ufunc/op.h"

/* An op as it was computed once; tensors (borrowed) say which value is which. */
typedef struct {
    const rt_op *op;
    int nin;
    const rt_operand *in;
    const rt_params *params;   /* or NULL; the pass may borrow them */
    rt_tensor *out;            /* the first result */
    uint8_t kept;              /* it is wanted outside, without or with its history */
} rt_pass_op;
enum { RT_PASS_DETACHED = 1, RT_PASS_HISTORY = 2 };

typedef struct rt_pass rt_pass;
enum { RT_PASS_INPUTS = 96, RT_PASS_MADE = 96 };     /* at most: tensors that a pass reads; results and gradients */

/* A pass of n ops, which ends with a backward from the tensor `from`.  *in gets the tensors it reads (borrowed, owned
 * array of rt_pass_nin, PyMem_Free).  NULL without an exception when it holds something that cannot be done this way. */
RT_WARN_UNUSED rt_pass *rt_pass_new(int n, const rt_pass_op *ops, const rt_tensor *from, const rt_tensor ***in);
void rt_pass_free(rt_pass *p);
int rt_pass_nin(const rt_pass *p);
/* Runs it over tensors of the shapes and dtypes of the first time; adds to the gradients of those that are leaves; out:
 * the kept results, in order, new references.  1; 0 when the values want the ops themselves (nothing was done); -1 with
 * an exception. */
RT_WARN_UNUSED int rt_pass_run(rt_pass *p, rt_tensor *const *in, rt_tensor **out);
#endif
