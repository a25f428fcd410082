/* execute: running an inner loop over a plan, in pieces, on threads, with conversion
 * in cache-sized blocks where operands have other dtypes than the loop.
 * Floor: backends.  Knows no Python. */
#ifndef RT_BACKENDS_EXECUTE_H
#define RT_BACKENDS_EXECUTE_H
#include "core/plan.h"

/* NumPy's inner loop: args[k] advances by steps[k] bytes, n[0] times; data is the loop's own. */
typedef void rt_loop(char **args, const intptr_t *n, const intptr_t *steps, void *data);

/* The data of a loop that knows rows: it walks `count` of them, args[k] advancing by steps[k] from one to the next.
 * Operands of such a call coincide or do not overlap.  stream: the result is not read soon, past the cache with it. */
typedef struct {
    intptr_t count;
    const intptr_t *steps;
    int stream;
} rt_rows;

typedef struct {
    rt_loop *loop;
    void *data;
    /* Per operand: NULL, or the loop (1 in, 1 out) that converts: for inputs from memory to the
     * loop's dtype, for outputs from the loop's dtype to memory. */
    rt_loop *cast[RT_MAX_OPERANDS];
    uint8_t itemsize[RT_MAX_OPERANDS];   /* of the loop's dtype, where cast is set */
    int nin;                             /* operands before it are inputs.  In a plan operand 0.. nin-1 are inputs */
    int rows;                            /* the loop knows rows (those of casts all do); data is not its own then */
    float cost;                          /* about nanoseconds an element: decides on threads */
} rt_exec;

/* The plan's operand order is inputs, then outputs: as in the loop's args. */
void rt_execute(const rt_plan *plan, const rt_exec *exec);
/* Elements [begin, end) alone, in the caller.  The last operand is a packed output in the plan's order, whose data is not
 * looked at: what belongs there is written to `to`, converted or not as exec says. */
void rt_execute_part(const rt_plan *plan, const rt_exec *exec, intptr_t begin, intptr_t end, char *to);
/* Elements below which rt_execute stays in the caller for this cost. */
intptr_t rt_execute_grain(float cost);
#endif
