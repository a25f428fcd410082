/* layout: memory formats (in which order the dimensions lie in memory) and what makes or changes
 * tensors by them.  Floor: python. */
#ifndef RT_PYTHON_LAYOUT_H
#define RT_PYTHON_LAYOUT_H
#include "core/tensor.h"

/* The objects of rustorch._layout carry these as `_code`. */
typedef enum { RT_FORMAT_CONTIGUOUS, RT_FORMAT_PRESERVE, RT_FORMAT_CHANNELS_LAST, RT_FORMAT_CHANNELS_LAST_3D } rt_format;

/* From a memory format, or None (preserve).  0, or -1 with TypeError. */
RT_WARN_UNUSED int rt_format_convert(const char *name, PyObject *o, rt_format *out);
/* New uninitialised tensor of x's shape in that format (preserve: x's order where x is dense). */
RT_WARN_UNUSED rt_tensor *rt_format_empty_like(const char *name, const rt_tensor *x, rt_dtype dtype, rt_format format);
/* Adds the methods to Tensor, the functions to the module. */
int rt_layout_init(PyObject *module);
#endif
