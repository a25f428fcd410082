/* plan: merging and sorting the dimensions of several operands into one walk.
 * Floor: core.  Knows no Python and cannot fail. */
#include "core/plan.h"
#include <string.h>

void rt_plan_init(rt_plan *p, int ndim, const intptr_t *shape)
{
    p->nop = 0;
    p->ndim = ndim;
    p->size = 1;
    for (int i = 0; i < ndim; i++) {
        p->shape[i] = shape[i];
        p->size *= shape[i];
    }
}

void rt_plan_add(rt_plan *p, char *data, int ndim, const intptr_t *shape, const intptr_t *steps)
{
    intptr_t *s = p->steps[p->nop];
    int lead = p->ndim - ndim;
    for (int i = 0; i < lead; i++) s[i] = 0;
    for (int i = 0; i < ndim; i++) s[lead + i] = shape[i] == 1 ? 0 : steps[i];
    p->data[p->nop++] = data;
}

void rt_plan_add_scalar(rt_plan *p, char *data)
{
    memset(p->steps[p->nop], 0, (size_t)p->ndim * sizeof(intptr_t));
    p->data[p->nop++] = data;
}

/* Does dimension a belong inside b?  Decided by the last operand (the output) first,
 * then by the others where that one has no opinion. */
static int is_inner(const rt_plan *p, int a, int b)
{
    for (int k = p->nop - 1; k >= 0; k--) {
        intptr_t x = p->steps[k][a], y = p->steps[k][b];
        if (x < 0) x = -x;
        if (y < 0) y = -y;
        if (x && y && x != y) return x < y;
    }
    return 0;
}

static void swap_dims(rt_plan *p, int a, int b)
{
    intptr_t t = p->shape[a];
    p->shape[a] = p->shape[b];
    p->shape[b] = t;
    for (int k = 0; k < p->nop; k++) {
        t = p->steps[k][a];
        p->steps[k][a] = p->steps[k][b];
        p->steps[k][b] = t;
    }
}

static int mergeable(const rt_plan *p, int outer, int inner)
{
    for (int k = 0; k < p->nop; k++)
        if (p->steps[k][outer] != p->steps[k][inner] * p->shape[inner]) return 0;
    return 1;
}

static void move_dim(rt_plan *p, int to, int from)
{
    p->shape[to] = p->shape[from];
    for (int k = 0; k < p->nop; k++) p->steps[k][to] = p->steps[k][from];
}

void rt_plan_finish(rt_plan *p, int sort)
{
    int n = 0;
    for (int i = 0; i < p->ndim; i++)
        if (p->shape[i] != 1) move_dim(p, n++, i);
    p->ndim = n;
    if (sort)
        for (int i = 1; i < n; i++)
            for (int j = i; j > 0 && is_inner(p, j - 1, j); j--) swap_dims(p, j - 1, j);
    int last = 0;                       /* dimensions 0..last are merged already */
    for (int i = 1; i < n; i++) {
        if (mergeable(p, last, i)) {
            p->shape[last] *= p->shape[i];
            for (int k = 0; k < p->nop; k++) p->steps[k][last] = p->steps[k][i];
        } else {
            move_dim(p, ++last, i);
        }
    }
    p->ndim = n ? last + 1 : 0;
}
