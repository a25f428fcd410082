/* program: a straight line of ops, backward passes and calls over numbered values, run without Python between them.
 * Ops go through the door, so what a program computes, records and raises is what its ops do; runs of elementwise ops
 * that record nothing are one loop (ufunc/fused.h).  Floor: python. */
#ifndef RT_PYTHON_PROGRAM_H
#define RT_PYTHON_PROGRAM_H
#include "autograd/pass.h"
#include "ufunc/fused.h"

typedef enum { RT_STEP_OP, RT_STEP_FUSED, RT_STEP_BACKWARD, RT_STEP_DETACH, RT_STEP_CALL } rt_step_kind;

/* owned: in, slots, params, fused, call, drop, pass, pass_slots */
typedef struct {
    rt_step_kind kind;
    uint8_t grad, inference;       /* the modes it runs in */
    uint8_t retain;                /* BACKWARD: retain_graph */
    const rt_op *op;
    int nin, nout;
    rt_operand *in;                /* OP: numbers as they were; tensors come from the slots */
    int *slots;                    /* nin of the inputs (-1: a number), then nout of the outputs (-1: nobody wants it);
                                      BACKWARD: outputs, then their gradients (-1: ones) */
    unsigned given;                /* OP: outputs that are written to */
    rt_params *params;             /* OP: as the call gave them, or NULL */
    size_t params_bytes;
    rt_fused *fused;
    PyObject *call;                /* CALL: called without arguments, its result dropped */
    int ndrop, *drop;              /* values that nothing uses afterwards */
    rt_pass *pass;                 /* OP: does what `span` steps from here do, the last a BACKWARD; or NULL */
    int span, *pass_slots;         /* what it reads, then its results */
} rt_step;

typedef struct {
    int nvalues, ninputs;          /* values 0 .. ninputs-1 are handed in */
    int nsteps, room;
    rt_step *steps;
    int nfused;                    /* ops that are part of a loop */
} rt_program;

/* A step at the end; zeroed, with arrays for nin and nout.  NULL with an exception. */
RT_WARN_UNUSED rt_step *rt_program_add(rt_program *p, rt_step_kind kind, int nin, int nout);
/* Joins elementwise ops and notes where values end.  values: the tensor of each value as it was computed; returned:
 * is it wanted by the caller? */
RT_WARN_UNUSED int rt_program_finish(rt_program *p, rt_tensor *const *values, const uint8_t *returned);
/* Part of that: ops and the backward pass from their result as one step, where it can be. */
RT_WARN_UNUSED int rt_program_add_passes(rt_program *p, rt_tensor *const *values, const uint8_t *returned);
void rt_program_clear(rt_program *p);
int rt_program_traverse(const rt_program *p, visitproc visit, void *arg);
/* values: nvalues of them, the inputs borrowed, the others NULL; afterwards those that are returned are owned by the
 * caller (also after -1: whatever is not NULL). */
RT_WARN_UNUSED int rt_program_run(const rt_program *p, rt_tensor **values);
#endif
