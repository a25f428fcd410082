/* error: the exceptions we raise.  Floor: core. */
#ifndef RT_CORE_ERROR_H
#define RT_CORE_ERROR_H
#include <Python.h>
#include <stdint.h>

extern PyObject *rt_RusTorchError;        /* RuntimeError */
extern PyObject *rt_TensorError;          /* RusTorchError, ValueError */
extern PyObject *rt_RangeError;           /* TensorError, IndexError */
extern PyObject *rt_ArgumentError;        /* TypeError, AttributeError */
extern PyObject *rt_DeviceError;          /* RusTorchError */
extern PyObject *rt_ShapeMismatchError;   /* TensorError; attributes shape1, shape2 */
extern PyObject *rt_DtypeError;           /* RusTorchError, TypeError, NotImplementedError */
extern PyObject *rt_LinAlgError;          /* RusTorchError, numpy.linalg.LinAlgError (a ValueError) */

int rt_error_init(PyObject *module);
/* Raises ShapeMismatchError "op: why: (2, 3) and (4,)".  Returns -1. */
int rt_error_shapes(const char *op, const char *why, int na, const intptr_t *a, int nb, const intptr_t *b);
/* PyErr_Format with "op: " before; return -1 for `return rt_error(...)`. */
int rt_error(PyObject *type, const char *op, const char *format, ...);
/* Puts "op: argument 'x': " ("op: " when argument is NULL) before the message of a plain TypeError,
 * ValueError, OverflowError or TensorError, unless it names the op already.  Others stay as they are. */
void rt_error_argument(const char *op, const char *argument);
#endif
