/* array_attributes: attributes of arrays (rustorch.numpy.ndarray).  Floor: python. */
#ifndef RT_PYTHON_ARRAY_ATTRIBUTES_H
#define RT_PYTHON_ARRAY_ATTRIBUTES_H
#include "core/tensor.h"

extern PyGetSetDef rt_array_getset[];
extern PyMethodDef rt_array_facts[];         /* methods that rustorch.numpy._attributes asks */
#endif
