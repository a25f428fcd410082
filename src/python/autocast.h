/* autocast: the dtypes that calls from Python are given while autocast is on.  Floor: python. */
#ifndef RT_PYTHON_AUTOCAST_H
#define RT_PYTHON_AUTOCAST_H
#include "ufunc/op.h"

extern RT_THREAD_LOCAL int rt_autocast_on;
/* Replaces floating inputs by casts where op wants another dtype; the casts go to owned (what was there is dropped).
 * To be called when rt_autocast_on and no output is given.  0 or -1. */
RT_WARN_UNUSED int rt_autocast_cast(const rt_op *op, int nin, rt_operand *in, PyObject **owned);
RT_WARN_UNUSED int rt_autocast_init(PyObject *module);
#endif
