/* finite: is there a NaN or an infinity among a tensor's values?  Floor: ufunc. */
#ifndef RT_UFUNC_FINITE_H
#define RT_UFUNC_FINITE_H
#include "core/node.h"

/* 1: all values are finite; 0; -1 with an exception. */
RT_WARN_UNUSED int rt_tensor_is_finite(rt_tensor *t);
RT_WARN_UNUSED int rt_operand_is_finite(const rt_operand *o);
#endif
