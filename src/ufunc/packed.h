/* packed: tensors as kernels want them: in C order, in the kernel's dtype.  Nothing is recorded.
 * Floor: ufunc. */
#ifndef RT_UFUNC_PACKED_H
#define RT_UFUNC_PACKED_H
#include "core/tensor.h"

/* t's elements in C order in dtype d: t itself when it is so already, else a copy.  New reference. */
RT_WARN_UNUSED rt_tensor *rt_packed(const rt_tensor *t, rt_dtype d);
/* t in dtype d with whatever steps: t itself, or a copy.  New reference. */
RT_WARN_UNUSED rt_tensor *rt_packed_cast(const rt_tensor *t, rt_dtype d);
/* `result`, of dtype d, as dtype `to`: itself or a copy.  Steals result, passes NULL through. */
RT_WARN_UNUSED rt_tensor *rt_packed_home(rt_tensor *result, rt_dtype to);
/* The dtype that fused kernels compute a floating dtype in: float32 or float64; RT_NODTYPE with DtypeError
 * for what is not floating. */
rt_dtype rt_packed_compute(const char *op, rt_dtype d);
#endif
