/* update: running an optimiser's step over lists of tensors, for the UPDATE rows.  Floor: ufunc. */
#ifndef RT_UFUNC_UPDATE_H
#define RT_UFUNC_UPDATE_H
#include <stddef.h>
#include "ufunc/op.h"
#include "ufunc/kernels/update.h"

enum { RT_UPDATE_SCALARS = 3 };

/* A state of one number, such as the count of steps: its value, and whether it is kept in f32. */
typedef struct { double value; int single; } rt_update_scalar;

/* A method as one call of it runs: operands are `tensors` lists (parameters, gradients, states),
 * then `scalars` lists of one-element tensors. */
typedef struct {
    int tensors, scalars;
    uint8_t at[RT_UPDATE_LISTS];       /* the kernel's place of each list of tensors */
    size_t kernel;                     /* offset in rt_updates */
    float cost;                        /* about nanoseconds an element */
    /* Fills the rule (sign and shrink are 1, the rest 0) and moves the scalars on by one step. */
    void (*prepare)(const rt_params *p, rt_update_rule *r, rt_update_scalar *s);
} rt_update_method;

RT_WARN_UNUSED int rt_update_run(const rt_op *op, const rt_update_method *m, int nin, const rt_operand *in,
                                 const rt_params *p);
#endif
