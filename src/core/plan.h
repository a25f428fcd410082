/* plan: how a loop walks over several operands at once.  Dimensions are merged
 * and sorted so that the last is the inner loop; data pointers and BYTE steps per
 * operand.  Knows no Python.  Floor: core. */
#ifndef RT_CORE_PLAN_H
#define RT_CORE_PLAN_H
#include <stdint.h>
#include "core/dtype.h"

#define RT_PLAN_NDIM 32
#define RT_MAX_OPERANDS 8

typedef struct {
    int nop, ndim;
    intptr_t size;                                    /* product of shape */
    intptr_t shape[RT_PLAN_NDIM];
    intptr_t steps[RT_MAX_OPERANDS][RT_PLAN_NDIM];
    char *data[RT_MAX_OPERANDS];
} rt_plan;

void rt_plan_init(rt_plan *p, int ndim, const intptr_t *shape);
/* Adds an operand whose shape broadcasts to the plan's (the caller has checked it). */
void rt_plan_add(rt_plan *p, char *data, int ndim, const intptr_t *shape, const intptr_t *steps);
/* Adds an operand of one element, step 0 everywhere. */
void rt_plan_add_scalar(rt_plan *p, char *data);
/* Drops lengths of 1, sorts by the last operand's steps, then the others' (largest outside), merges neighbours.
 * Call once, when all operands are in. `sort` 0 keeps the logical order. */
void rt_plan_finish(rt_plan *p, int sort);
#endif
