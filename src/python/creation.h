/* creation: functions that make tensors from Python things and from nothing.  Floor: python. */
#ifndef RT_PYTHON_CREATION_H
#define RT_PYTHON_CREATION_H
#include "core/tensor.h"
int rt_creation_init(PyObject *module);
/* What `out=` does: writes the new tensor t into out, which is resized when empty; new reference to out. */
RT_WARN_UNUSED rt_tensor *rt_creation_write(rt_tensor *out, rt_tensor *t);
/* Is `o` None, "cpu" or a device object of that type?  0, or -1 with DeviceError. */
int rt_creation_check_device(const char *name, PyObject *o);
#endif
