/* scatter_rows: writing along one dimension, rows of the index at a time, without keeping offsets.  Floor: ufunc. */
#ifndef RT_UFUNC_SCATTER_ROWS_H
#define RT_UFUNC_SCATTER_ROWS_H
#include "ufunc/apply.h"

/* COUNT: how many indices name a place, in int64; near is not looked at, but must be as long. */
typedef enum { RT_SCATTER_PUT, RT_SCATTER_ADD, RT_SCATTER_MUL, RT_SCATTER_COUNT, RT_SCATTER_MAX, RT_SCATTER_MIN, RT_SCATTER_KINDS } rt_scatter_kind;

/* Is there a loop for this kind, target and index (both with a dimension and elements)? */
int rt_scatter_rows_fit(rt_scatter_kind kind, const rt_tensor *target, const rt_tensor *index);
/* Index, contiguous int64, within the target's length along dim?  0, or -1 with IndexError. */
RT_WARN_UNUSED int rt_scatter_rows_check(const char *op, const rt_tensor *target, int dim, const rt_tensor *index);
/* target[.., index, ..] = or combined with near (dense, of index's shape and target's dtype), equal places in the order of
 * the index; -1 with IndexError, when part may have been written. */
RT_WARN_UNUSED int rt_scatter_rows(const char *op, rt_scatter_kind kind, const rt_tensor *target, int dim, const rt_tensor *index,
                                   const char *near);
/* Loads the target from in[0] and writes; where it is `visible` to the caller all indices are checked first. */
RT_WARN_UNUSED int rt_scatter_lines(const rt_op *op, const rt_operand *in, const rt_params *p, rt_scatter_kind kind, int visible,
                                    rt_tensor *target, const rt_tensor *index, const rt_tensor *near);
#endif
