/* observer: Python callables that are told of every op.  Floor: python. */
#ifndef RT_PYTHON_OBSERVER_H
#define RT_PYTHON_OBSERVER_H
#include "ufunc/observe.h"

/* rustorch._C.Event for e: new reference.  `ended`: with results, times and status. */
RT_WARN_UNUSED PyObject *rt_event_object(const rt_event *e, int ended);
const char *rt_event_kind_name(rt_event_kind kind);
/* {name: value} of the row's signature: tensors, lists of them, numbers; new reference. */
RT_WARN_UNUSED PyObject *rt_event_arguments(const rt_op *op, int nin, const rt_operand *in, const rt_params *p);
int rt_event_init(PyObject *module);
int rt_observer_init(PyObject *module);
#endif
