/* observe: who is told of everything that is computed.  The door, the walk of gradients and calls of modules are
 * events; an observer is told when one begins and when it ends.  Profiler, debug mode and tracers are observers;
 * without one an op pays a single test of rt_observers.  Floor: ufunc.  The GIL guards all of it. */
#ifndef RT_UFUNC_OBSERVE_H
#define RT_UFUNC_OBSERVE_H
#include "ufunc/op.h"
#include "backends/work.h"

typedef enum {
    RT_EVENT_OP = 1,         /* an op through the door */
    RT_EVENT_NODE = 2,       /* the backward of one node */
    RT_EVENT_BACKWARD = 4,   /* a whole backward pass */
    RT_EVENT_MODULE = 8,     /* a call of a module */
    RT_EVENT_RANGE = 16,     /* a part of a program that was given a name */
    RT_EVENT_NUMPY = 32      /* NumPy's own code, on the tensors' memory */
} rt_event_kind;

/* Everything borrowed, and good for the length of the event only. */
typedef struct {
    rt_event_kind kind;
    const char *name;                /* the row's or node's; NULL where label says it */
    PyObject *label;                 /* the module, or the range's name; else NULL */
    const rt_op *op;                 /* OP */
    const rt_operand *in;            /* OP: nin of them, and its params or NULL */
    const rt_params *params;
    const void *pass;                /* BACKWARD: the rt_backward_call */
    rt_node *node;                   /* NODE */
    rt_tensor *const *grads;         /* NODE: node->nout gradients that arrived, or NULLs */
    rt_tensor *const *out;           /* OP: results; NODE: gradients of the inputs; nout of them, or NULLs */
    int nin, nout;
    unsigned given;                  /* bit k: out[k] is written to, not made */
    /* set by rt_event_begin and rt_event_end */
    int depth;                       /* events around it in its thread */
    int in_op;                       /* ops and nodes among them: more than 0 for the parts of a composition */
    int in_backward;                 /* backward passes among them */
    int status;                      /* 0, or -1: it failed */
    int tainted;                     /* the note of the observer that looks for NaN */
    uint64_t number;                 /* in order of beginning, all threads together */
    unsigned long thread;            /* Python's */
    int64_t start_ns, stop_ns;       /* on the monotonic clock */
    uint64_t bytes, allocations;     /* of live tensors, net, and made: by then at first, its own at the end */
    rt_work work, *outer;            /* of its loops, without those of the events in it; the event's around it */
} rt_event;

typedef struct rt_observer rt_observer;
struct rt_observer {
    /* 0, or -1 with an exception: then the event fails.  Either may be NULL.  What they compute is not observed. */
    int (*begin)(rt_observer *self, rt_event *event);
    int (*end)(rt_observer *self, rt_event *event);
    void (*gone)(rt_observer *self); /* nobody holds it any more; may be NULL */
    unsigned kinds;                  /* of events it is told of */
    unsigned long thread;            /* Python's number of the only thread it watches; 0: all */
    /* the list's own */
    rt_observer *next;
    uint64_t since;                  /* events that began before it came are not its */
    int removed;
};

extern __attribute__((visibility("hidden"))) rt_observer *rt_observers;    /* NULL: nobody looks.  (hidden: one load) */

void rt_observer_add(rt_observer *o);
/* o may be told no more; `gone` is called when it is out of the list: at once, or when the events being told end. */
void rt_observer_remove(rt_observer *o);

/* Between them lies what happens.  begin fills the event; -1: an observer refused, and there is no end.
 * end takes the status of what happened and returns what it is now: -1 also when an observer raised. */
RT_WARN_UNUSED int rt_event_begin(rt_event *e);
RT_WARN_UNUSED int rt_event_end(rt_event *e, int status);
/* Is this thread being told of an event?  Then what it computes is the observer's own affair. */
int rt_event_is_told(void);
int64_t rt_event_clock(void);
#endif
