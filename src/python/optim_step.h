/* optim_step: optimiser steps at the Python face: one call a parameter group.  Floor: python. */
#ifndef RT_PYTHON_OPTIM_STEP_H
#define RT_PYTHON_OPTIM_STEP_H
#include "core/node.h"
#include "ufunc/op.h"

/* What a step handed to its row.  Owned: params (a list), state and in, with its tensors. */
typedef struct {
    const rt_op *op;
    PyObject *params, *state;
    int n, lists;                  /* of operands: n each; the gradients (list 1) are left out */
    rt_operand *in;                /* NULL: this was no step that can be made again: of some parameters, the first one
                                      of theirs, or more than one */
    rt_params numbers;             /* without its lists */
    int calls;
} rt_update_note;
/* Where this thread's steps are noted; or NULL. */
extern RT_THREAD_LOCAL rt_update_note *rt_update_listener;
void rt_update_note_clear(rt_update_note *u);

int rt_optim_init(PyObject *module);
#endif
