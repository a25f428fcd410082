/* reduce: folds a tensor over some of its dimensions by the fixed tree of kernels/reduce.h.
 * Any layout, any dtype (converted block by block), threads over results or over blocks;
 * the bits depend on the values in logical order alone.  Floor: ufunc. */
#ifndef RT_UFUNC_REDUCE_H
#define RT_UFUNC_REDUCE_H
#include "ufunc/op.h"
#include "ufunc/kernels/reduce.h"

typedef struct {
    rt_reduce_kind kind;
    const rt_tensor *x;
    uint32_t mask;             /* dimensions to fold; together at least one element */
    rt_dtype compute;          /* elements are converted to it; its reducer must exist */
    const char *center;        /* SUMSQ: one value of dtype compute per result, or NULL */
    char *out;                 /* packed results in C order of the kept dimensions: of the reducer's
                                * accumulate dtype, or pairs of 16 bytes for ARGMAX and ARGMIN, whose
                                * index counts in logical order of the folded dimensions */
} rt_reduction;

/* 0, or -1 with MemoryError. */
RT_WARN_UNUSED int rt_reduce_run(const rt_reduction *r);
/* The dtype in which `kind` folds elements of dtype d; RT_NODTYPE when it has no meaning (max of complex). */
rt_dtype rt_reduce_compute(rt_reduce_kind kind, rt_dtype d);

/* What a row folds: the input, its folded dimensions and the shape of the result. */
typedef struct {
    rt_tensor *x;              /* borrowed */
    uint32_t mask;
    int ndim;
    intptr_t shape[RT_MAX_NDIM], count, results;    /* count elements make one of `results` results */
} rt_frame;

/* From the usual parameters: dims in list 0, keepdim in i[0].  0 or -1. */
RT_WARN_UNUSED int rt_reduce_frame(const rt_op *op, const rt_operand *in, const rt_params *p, rt_frame *f);
/* The same for a known mask; f->x is set. */
void rt_reduce_frame_masked(rt_frame *f, uint32_t mask, int keepdim);

/* Gradients of prod over the masked dimensions and of cumprod that hold where x is 0, to every order; new references. */
RT_WARN_UNUSED rt_tensor *rt_prod_gradient(rt_tensor *x, rt_tensor *g, uint32_t mask);
RT_WARN_UNUSED rt_tensor *rt_cumprod_gradient(rt_tensor *x, rt_tensor *g, int dim, int reverse);
/* Is any element of t true?  -1 with an exception. */
RT_WARN_UNUSED int rt_any_true(rt_tensor *t);
#endif
