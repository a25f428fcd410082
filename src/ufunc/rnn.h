/* rnn: what forward and backward of a recurrent layer share: its lengths and its place in time.
 *
 *   elements of step t:  rows offset[t] .. offset[t] + sizes[t] of x, out and reserve; sizes never grow,
 *   so row j of a step belongs to sequence j, whose steps are those with sizes[t] > j
 *
 * Sequences are independent: they are computed in bands of a few, each over all steps.  Floor: ufunc. */
#ifndef RT_UFUNC_RNN_H
#define RT_UFUNC_RNN_H
#include "ufunc/kernels/rnn.h"
#include "ufunc/op.h"

/* The row's inputs, hidden outputs behind them in what a node keeps. */
enum { RT_RNN_X, RT_RNN_H0, RT_RNN_C0, RT_RNN_W_IH, RT_RNN_W_HH, RT_RNN_B_IH, RT_RNN_B_HH, RT_RNN_W_HR, RT_RNN_SIZES,
       RT_RNN_INPUTS };

typedef struct {
    rt_dtype dtype;                     /* computed in */
    const rt_rnns *kernels;
    int mode, reverse;
    intptr_t steps, batch, total, in, n, out;   /* total rows; lengths of x, of the cells, of the result */
    intptr_t gates, width;              /* n * 4, 3 or 1; of a row of reserve */
    intptr_t bands, band;               /* how many, sequences of each */
    intptr_t *offset;                   /* owned, steps + 1 */
    size_t item;
} rt_rnn;

/* Checks shapes; `t` are the inputs, NULL for those not given.  0, or -1 with an exception and nothing owned. */
RT_WARN_UNUSED int rt_rnn_begin(const char *op, rt_tensor *const *t, int mode, int reverse, rt_rnn *q);
void rt_rnn_end(rt_rnn *q);
/* Sequences of the band at step t that are in it: how many, from `first` on. */
static inline intptr_t rt_rnn_active(const rt_rnn *q, intptr_t first, intptr_t last, intptr_t t)
{
    intptr_t size = q->offset[t + 1] - q->offset[t];
    return (size < last ? size : last) - first;
}
/* Is the work worth giving the GIL away? */
static inline int rt_rnn_is_long(const rt_rnn *q) { return q->total * q->gates > 20000; }
#endif
