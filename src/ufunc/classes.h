/* classes: what the losses over classes (cross_entropy, nll_loss) share.  Scores (C), (N, C) or
 * (N, C, d1, ...) become packed rows of C; a target is a class number per row, or a row
 * of probabilities.  Floor: ufunc. */
#ifndef RT_UFUNC_CLASSES_H
#define RT_UFUNC_CLASSES_H
#include "ufunc/op.h"

typedef enum { RT_LOSS_NONE, RT_LOSS_MEAN, RT_LOSS_SUM } rt_reduction_word;    /* as in the rows' signatures */

typedef struct {
    rt_tensor *target;         /* owned: int64 of shape (count), or NULL: probabilities */
    rt_tensor *weight;         /* owned: (classes) of dtype compute, or NULL */
    rt_dtype compute;          /* float32 or float64 */
    intptr_t count, classes;
    int64_t ignore;
    int ndim;                  /* of the scores */
    intptr_t shape[RT_MAX_NDIM];
} rt_classes;

/* From scores, target and weight of a forward call; checks shapes and class numbers.  On failure nothing is
 * owned.  0 or -1. */
RT_WARN_UNUSED int rt_classes_begin(const rt_op *op, int nin, const rt_operand *in, int64_t ignore, rt_classes *c);
/* The same in a backward call: shape from the node's parameters, where rt_classes_keep put it. */
RT_WARN_UNUSED int rt_classes_resume(const rt_node *n, const rt_operand *target, const rt_operand *weight,
                                     int64_t ignore, rt_dtype compute, rt_classes *c);
void rt_classes_keep(const rt_classes *c, rt_params *p);
void rt_classes_end(rt_classes *c);

/* New reference: t, of the scores' shape, as packed rows (count, classes) of dtype compute; and back. */
rt_tensor *rt_classes_rows(const rt_classes *c, rt_tensor *t);
rt_tensor *rt_classes_home(const rt_classes *c, rt_tensor *rows);
/* Weight of row r: 0 where it is ignored. */
double rt_classes_row_weight(const rt_classes *c, intptr_t r);
/* What a mean divides by: the sum of the rows' weights, the number of rows with probabilities. */
double rt_classes_total(const rt_classes *c);
/* New (count, classes) tensor A of the coefficients: loss of row r is -sum(A[r] * logp[r]).  probabilities:
 * the target's rows, or NULL; smoothing moves that share of them to all classes evenly. */
rt_tensor *rt_classes_coefficients(const rt_classes *c, rt_tensor *probabilities, double smoothing);
/* New reference: losses (count) reduced as the word says, into *out as a forward function does. */
RT_WARN_UNUSED int rt_classes_output(const rt_op *op, const rt_classes *c, rt_tensor *losses, int reduction, double total,
                                     int nin, const rt_operand *in, rt_tensor **out);
/* New (count, 1) or (1, 1) tensor: what each row's loss counts in the result. */
rt_tensor *rt_classes_gradient(const rt_classes *c, rt_tensor *g, int reduction, double total);
#endif
