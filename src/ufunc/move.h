/* move: copies within one dtype, by the size of its elements: what the loops of casts would do, sooner.
 * Floor: ufunc. */
#ifndef RT_UFUNC_MOVE_H
#define RT_UFUNC_MOVE_H
#include "core/plan.h"

/* Runs a finished plan of two operands (source, destination) of elements of `item` bytes, on threads when that
 * is worth it.  Call without the GIL when the plan is large. */
void rt_move(const rt_plan *p, int item);
#endif
