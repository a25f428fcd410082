/* pass_make: what rows of ops (pass_rows.c) have at hand to say what a pass calls for them.  Floor: autograd, private to
 * passes. */
#ifndef RT_AUTOGRAD_PASS_MAKE_H
#define RT_AUTOGRAD_PASS_MAKE_H
#include "autograd/pass_call.h"

enum { RT_PASS_PARTS = 128, RT_PASS_ELEMENTS = RT_PASS_BLOCKS * RT_REDUCE_BLOCK };

/* A tensor that ops make or read; places, numbers of inputs and ops: or -1.  spread: its gradient is one number for all
 * elements. */
typedef struct { const rt_tensor *t; int place, grad, input, op, spread; } rt_pass_value;
typedef struct {
    rt_pass *p;
    const rt_pass_op *ops;
    const rt_tensor *from;
    const rt_tensor **in;
    rt_pass_value values[RT_PASS_INPUTS + RT_PASS_OPS];
    int nvalues, failed, nparts, beside[RT_PASS_OPS];   /* beside: the second result of an op, or -1 */
    int part_of[RT_PASS_PLACES];                 /* of scratch, or -1 */
    struct { intptr_t offset, size; int uses; } parts[RT_PASS_PARTS];
    intptr_t end;                                /* of scratch */
} rt_pass_maker;

/* What an op does: its calls forwards (n: ops of the pass), and those of the gradients of its operands, where `of`, its
 * result, has one. */
typedef struct {
    void (*forward)(rt_pass_maker *m, int j, int n);
    void (*backward)(rt_pass_maker *m, int j, rt_pass_value *of);
} rt_pass_row;
/* NULL: no pass can have it. */
const rt_pass_row *rt_pass_row_of(const rt_op *op);

/* This cannot be a pass: what is asked for from now on need not make sense.  -1. */
int rt_pass_refuse(rt_pass_maker *m);
/* Places: -1 when there is none. */
int rt_pass_scratch(rt_pass_maker *m, intptr_t elements);      /* used once */
void rt_pass_use(rt_pass_maker *m, int place, int by);         /* so many uses more; without any, others may have it */
int rt_pass_number(rt_pass_maker *m, const rt_operand *o);
int rt_pass_read(rt_pass_maker *m, const rt_tensor *t);        /* where t lies, which an op made or which is handed in */
int rt_pass_write(rt_pass_maker *m, int j);                    /* where op j's result goes */
rt_pass_value *rt_pass_find(rt_pass_maker *m, const rt_tensor *t);
int rt_pass_is_plain(const rt_pass_maker *m, const rt_tensor *t);      /* packed, of the pass's dtype, not empty */

/* Calls. */
typedef struct { int place; intptr_t row, col; } rt_pass_matrix;
rt_pass_call *rt_pass_add(rt_pass_maker *m, void (*run)(const rt_pass_call *, char *const *));
static inline void rt_pass_set(rt_pass_call *c, int n, const int *places)
{
    for (int k = 0; k < n; k++) c->place[k] = (int16_t)places[k];
}
void rt_pass_add_product(rt_pass_maker *m, intptr_t rows, intptr_t columns, intptr_t depth, rt_pass_matrix a,
                         rt_pass_matrix b, int start, int out);
/* places: nin operands, those that `fixed` marks numbers, then the result of n elements. */
void rt_pass_add_loop(rt_pass_maker *m, rt_loop *fn, int nin, const int *places, unsigned fixed, intptr_t n);
/* n elements, or a number n times. */
void rt_pass_add_copy(rt_pass_maker *m, int from, int spread, int to, intptr_t n);

/* The value of an operand that wants a gradient; else NULL. */
rt_pass_value *rt_pass_wanting(rt_pass_maker *m, const rt_operand *o);
/* Where the next gradient of v is to be computed; then it is v's, or part of it (whose use goes along). */
int rt_pass_aim(rt_pass_maker *m, const rt_pass_value *v);
void rt_pass_deliver(rt_pass_maker *m, rt_pass_value *v, int place, int spread);
/* The same for what is another value's gradient, too. */
void rt_pass_share(rt_pass_maker *m, rt_pass_value *v, int place, int spread);
#endif
