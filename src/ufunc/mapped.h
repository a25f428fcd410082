/* mapped: the sum of an elementwise row's values over all elements, in one pass: what is summed is computed in blocks
 * that stay in cache and never kept.  Bits as of the row and then `sum`.  Floor: ufunc. */
#ifndef RT_UFUNC_MAPPED_H
#define RT_UFUNC_MAPPED_H
#include "ufunc/op.h"

/* Can it be done for these operands: floating on the CPU? */
int rt_mapped_fits(const rt_op *op, int nin, const rt_operand *in);
/* New 0-d tensor: the sum, divided by the number of elements for `mean`; NULL with an exception.  Nothing is recorded. */
RT_WARN_UNUSED rt_tensor *rt_mapped_sum(const rt_op *op, int nin, const rt_operand *in, int mean);
#endif
