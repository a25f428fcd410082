/* pass_call: what a pass (pass.h) is made of: kernel calls over numbered places.  A place is memory: a tensor's that is
 * handed in, that of a tensor made by each run, a number, or a part of one buffer, shared by values that never live
 * together.  Floor: autograd, private to passes. */
#ifndef RT_AUTOGRAD_PASS_CALL_H
#define RT_AUTOGRAD_PASS_CALL_H
#include "autograd/pass.h"
#include "ufunc/kernels/isa.h"

typedef struct rt_pass_call rt_pass_call;
struct rt_pass_call {
    void (*run)(const rt_pass_call *c, char *const *at);    /* at: the address of each place */
    int16_t place[6];                                       /* operands, then the result; -1: none */
    union {
        struct { rt_dtype dtype; intptr_t m, n, k, a_row, a_col, b_row, b_col; } product;      /* a, b, start, result */
        struct { rt_loop *loop; int nin; intptr_t n, steps[6]; } loop;
        struct { const rt_reducer *kernel; intptr_t rows, columns, item; double divisor; } sums;     /* x, result */
        struct {                /* scores, class numbers, what is kept of each row, the rows' losses; or, in their place,
                                 * the gradient of the whole, and the result */
            const rt_entropies *kernels;
            intptr_t rows, classes, item;
            int64_t ignore;
            double smoothing;
            double divisor;
        } classes;
    };
};

void rt_pass_product(const rt_pass_call *c, char *const *at);
void rt_pass_loop(const rt_pass_call *c, char *const *at);
void rt_pass_column_sums(const rt_pass_call *c, char *const *at);
void rt_pass_losses(const rt_pass_call *c, char *const *at);           /* of every row */
void rt_pass_total(const rt_pass_call *c, char *const *at);            /* of the sums: one column, divided */
void rt_pass_scores_gradient(const rt_pass_call *c, char *const *at);

enum { RT_PASS_ROWS = RT_REDUCE_BLOCK,           /* that column sums and losses take at most */
       RT_PASS_BLOCKS = 32,                      /* of so many that a total does */
       RT_PASS_OPS = 64,
       RT_PASS_CALLS = 256, RT_PASS_PLACES = 384, RT_PASS_NUMBERS = 32 };

/* A tensor made by each run: a result (input -1), or a gradient of an input. */
typedef struct { int16_t place, input, ndim; intptr_t shape[RT_INLINE_NDIM]; } rt_pass_made;
/* Class numbers that must be less than classes and not `ignore`. */
typedef struct { int16_t input; intptr_t rows, classes; int64_t ignore; } rt_pass_check;

/* A node of a result's history; an edge goes to input k, to node -2 - k, or (-1) nowhere. */
typedef struct {
    const rt_op *op;
    const rt_params *params;                    /* borrowed from what the pass was made of, or NULL */
    int16_t nin, edges[3], result, ndim;
    intptr_t shape[RT_INLINE_NDIM];
} rt_pass_node;

struct rt_pass {
    rt_dtype dtype;                             /* of all but class numbers */
    int nin, nmade, nresults, ncalls, nplaces, nchecks, nnumbers;
    size_t item;                                /* addresses of inputs are multiples of it */
    rt_storage *scratch;                        /* owned */
    rt_pass_call calls[RT_PASS_CALLS];
    int16_t in[RT_PASS_INPUTS];                 /* place of each */
    rt_pass_made made[RT_PASS_MADE];            /* results, then gradients in the order in which they are added */
    rt_pass_check checks[4];
    int nnodes;                                 /* 0: no result is handed out with its history */
    rt_pass_node nodes[RT_PASS_OPS];
    double numbers[RT_PASS_NUMBERS];
    char *at[RT_PASS_PLACES];                   /* addresses of places, set at the beginning of each run where they vary */
};
#endif
