/* rnn: what forward and backward of a recurrent layer share: its lengths and its place in time.
 *
 *   elements of step t:  rows offset[t] .. offset[t] + sizes[t] of x, out and reserve; sizes never grow,
 *   so row j of a step belongs to sequence j, whose steps are those with sizes[t] > j
 *
 * Sequences are independent: threads share out bands of them, each over all steps.  Where they are too few, or
 * the weights too many for a thread's cache, threads share out the cells of every step instead.  Floor: ufunc. */
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
    int shares;                         /* threads share out cells: one band, and of them */
    intptr_t unit;                      /* so many, or a multiple, at a time */
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
/* How the work is cut, by the lengths and the number of threads; is_simple: results are states, not projections. */
void rt_rnn_cut(rt_rnn *q, int is_simple);
/* A step by threads or alone: fn(context, begin, end) for ranges of the cells. */
void rt_rnn_share(const rt_rnn *q, intptr_t cells, void (*fn)(void *, intptr_t, intptr_t), void *context);

/* The B of many products: (k, parts times n).  Packed where that is worth it, each part alone. */
typedef struct {
    rt_tensor *packed;                  /* owned, or NULL */
    const char *data;                   /* aligned panels, or B itself */
    intptr_t k, n, parts, row, column;  /* steps of B itself */
} rt_rnn_matrix;

RT_WARN_UNUSED int rt_rnn_matrix_begin(const rt_rnn *q, const rt_tensor *w, int turned, intptr_t parts, rt_rnn_matrix *m);
void rt_rnn_matrix_end(rt_rnn_matrix *m);
/* c = a B + beta c, of every part columns first..last alone; first is a multiple of a third of q->unit, or all are wanted. */
void rt_rnn_product(const rt_rnn *q, const rt_rnn_matrix *m, intptr_t rows, const char *a, intptr_t a_row, intptr_t first,
                    intptr_t last, int beta, char *c, intptr_t c_row);
/* Is the work worth giving the GIL away? */
static inline int rt_rnn_is_long(const rt_rnn *q) { return q->total * q->gates > 20000; }
#endif
