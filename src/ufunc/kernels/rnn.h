/* rnn: one step of recurrent layers, and its gradient, over rows of packed elements.  All steps are
 * in elements.  In a row of `a`, of n elements each:
 *
 *   lstm  [ i | f | g | o | c before | tanh(c) ]     gru  [ r | z | n | W_hn h + b_hn ]     simple  [ pre-activation ]
 *
 * Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_RNN_H
#define RT_UFUNC_KERNELS_RNN_H
#include <stdint.h>

typedef struct {
    intptr_t rows, n;
    intptr_t first, last;   /* of the n elements, those to be computed */
    void *a;            /* the rows above; forward finds pre-activations in the gates (of the input part, for gru) */
    void *h;            /* backward: the gradient of the state */
    void *c;            /* lstm: the cells, read and written; backward: their gradient */
    void *y;            /* forward: the result; backward: its gradient, or NULL */
    void *d;            /* backward: gradients of the gates' pre-activations */
    void *e;            /* gru: the gates' recurrent part, or its gradient */
    const void *b;      /* forward: bias of the gates, n numbers for each */
    const void *v;      /* gru: bias of the recurrent part */
    const void *p;      /* the state before (gru); backward: the result (simple) */
    intptr_t a_step, h_step, c_step, y_step, d_step, e_step, p_step;
    int forgets;        /* forward: `a` is not needed afterwards, and may be left as it is */
} rt_rnn_step;

typedef void rt_rnn_fn(const rt_rnn_step *s);

enum { RT_RNN_LSTM, RT_RNN_GRU, RT_RNN_TANH, RT_RNN_RELU, RT_RNN_MODES };

typedef struct {   /* one per dtype with kernels (f32, f64), by mode */
    rt_rnn_fn *forward[RT_RNN_MODES];
    /* lstm: c becomes the gradient of the cells before.  gru: h becomes what flows past the gates. */
    rt_rnn_fn *backward[RT_RNN_MODES];
} rt_rnns;
#endif
