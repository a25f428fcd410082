/* linalg_batch: what the rows of linear algebra share: tensors as batches of packed matrices,
 * one LAPACK call per matrix over threads, and errors that name the matrix which failed.
 * Floor: ufunc. */
#ifndef RT_UFUNC_LINALG_BATCH_H
#define RT_UFUNC_LINALG_BATCH_H
#include "backends/lapack.h"
#include "ufunc/views.h"

#define RT_LINALG_OPERANDS 6

/* The same call for every matrix of a batch. */
typedef struct rt_linalg_job rt_linalg_job;
struct rt_linalg_job {
    rt_dtype dtype;
    intptr_t m, n, k, batch;
    rt_tensor *t[RT_LINALG_OPERANDS];       /* borrowed, packed: element e of operand i is its e-th part */
    int32_t *info;                          /* one per matrix */
    char option, flag, flag2;
    double number;
    intptr_t step[RT_LINALG_OPERANDS];      /* (filled by rt_linalg_run) */
    /* One matrix: its operands; returns LAPACK's info. */
    int (*one)(const rt_linalg_job *job, char *const *operand);
};

/* Operand i, checked: a tensor of `least` dimensions or more of a dtype that LAPACK has, lengths that fit.
 * Borrowed, NULL with an exception. */
rt_tensor *rt_linalg_operand(const rt_op *op, const rt_operand *in, int i, int least);
/* The same, its last two dimensions equal. */
rt_tensor *rt_linalg_square(const rt_op *op, const rt_operand *in, int i);
/* Operands of one dtype?  -1 with an exception. */
RT_WARN_UNUSED int rt_linalg_same_dtype(const rt_op *op, const rt_tensor *a, const rt_tensor *b);
/* Number of matrices. */
intptr_t rt_linalg_count(const rt_tensor *t, int core);

/* New packed copy with the leading dimensions broadcast to `batch`; `turned`: each matrix column by column,
 * that is with its last two dimensions exchanged. */
RT_WARN_UNUSED rt_tensor *rt_linalg_copy(const rt_tensor *t, int nbatch, const intptr_t *batch, int turned);
/* New packed tensor of shape batch + the given lengths (-1: fewer of them). */
RT_WARN_UNUSED rt_tensor *rt_linalg_empty(rt_dtype dtype, int nbatch, const intptr_t *batch, intptr_t rows, intptr_t columns);
/* Hands t (stolen, NULL: nothing was made) out as output k; `turned`: with the last two dimensions exchanged. */
RT_WARN_UNUSED int rt_linalg_give(const rt_op *op, rt_tensor **out, int k, rt_tensor *t, int turned);

/* Hands t[0..count) out, bit k of `turned` for t[k], when status is 0; drops what was not handed out.  All of t
 * is NULL afterwards.  Returns 0 or -1. */
RT_WARN_UNUSED int rt_linalg_finish(const rt_op *op, rt_tensor **out, int count, rt_tensor **t, unsigned turned, int status);

/* Runs the job without the GIL; -1 with an exception when memory failed or a matrix was not finite.  `work`:
 * about how many multiply-adds a matrix takes.  info[] of an empty job is 0. */
RT_WARN_UNUSED int rt_linalg_run(const rt_op *op, rt_linalg_job *job, double work);
/* LinAlgError for the first element of info that is not 0; `why` may hold one %d for it.  0 or -1. */
RT_WARN_UNUSED int rt_linalg_check(const rt_op *op, const rt_tensor *info, const char *why);
/* "linalg.solve" of row linalg_solve; a static buffer per thread. */
const char *rt_linalg_name(const rt_op *op);
#endif
