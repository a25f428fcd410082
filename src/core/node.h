/* node: one recorded computation; the graph of gradients.  A tensor points at the
 * node that made it, a node at the nodes (or leaves) its inputs came from:
 *
 *   out --node--> rt_node --edges[i].to--> rt_node of input i, or the leaf tensor itself
 *
 * Floor: core.  What a node computes backward is its class's affair (src/ufunc for
 * op rows, src/python for autograd.Function); the walk is src/autograd. */
#ifndef RT_CORE_NODE_H
#define RT_CORE_NODE_H
#include "core/tensor.h"
#include "core/params.h"

/* An input of an op: a tensor (borrowed; the other fields are then not read), or when t is NULL a weak scalar. */
typedef struct {
    rt_tensor *t;
    rt_kind kind;                                  /* of the scalar */
    union { int64_t i; double f; double c[2]; } v; /* i for bool and integers, f for float, c for complex */
    uint8_t is_unsigned;                           /* v.i holds a uint64 */
    uint8_t none;                                  /* an optional argument that was not given */
} rt_operand;

typedef struct {
    PyObject *to;          /* owned: rt_node, or a leaf rt_tensor, or NULL when no gradient is wanted */
    int nr;                /* which output of that node */
    int skip;              /* the engine's note: the walk under way asks for nothing behind it */
} rt_edge;

/* An input or output kept for the backward pass. */
typedef struct {
    rt_operand value;      /* value.t owned when not NULL; an output of this node is kept detached */
    uint32_t version;      /* of its storage when saved */
    uint8_t used;
    uint8_t is_output;
    uint16_t reshaped;     /* the tensor's when saved */
    PyObject *packed;      /* owned: (unpack, what pack returned, node or leaf it came from or None, output
                              number) in place of value.t, where a saved-tensor hook took it; else NULL */
} rt_saved;

/* What the engine must know of each output: to make zeros and to check gradients. */
typedef struct {
    rt_dtype dtype;
    rt_device device;
    int ndim;
    intptr_t shape[RT_MAX_NDIM];   /* only ndim used; nodes allocate as much as they need */
} rt_meta;

typedef struct rt_node_class {
    const char *name;
    /* Gradients of the inputs from those of the outputs.  g[k] is borrowed, NULL where
     * output k got none; writes new references (or NULL) to gin[i] for every input whose
     * edge is wanted (rt_node_wants).  Under create_graph grad mode is on and what it calls is recorded.
     * 0, or -1 with an exception. */
    int (*backward)(rt_node *node, rt_tensor *const *g, rt_tensor **gin);
    void (*release)(rt_node *node);   /* drops what the context keeps beside `saved`; may be NULL */
} rt_node_class;

#define RT_NODE_INLINE 3
struct rt_node {
    PyObject_HEAD
    const rt_node_class *cls;      /* borrowed, static */
    const void *op;                /* borrowed: the rt_op row, NULL for others */
    uint64_t sequence;             /* order of creation: the engine runs the youngest first */
    int32_t nin, nsaved;
    int16_t nout;
    uint8_t released;              /* saved values were given back by a backward pass */
    /* owned */
    rt_edge *edges;                /* nin of them; inline_edges or a block */
    rt_saved *saved;               /* nsaved of them, or NULL */
    rt_params *params;             /* trimmed copy, or NULL */
    intptr_t *meta;                /* per output: dtype, ndim, shape..., see rt_node_meta */
    PyObject *context;             /* autograd.Function's ctx, a view's source, ... or NULL */
    PyObject *hooks, *pre_hooks;   /* lists or NULL */
    PyObject *trace;               /* where it was created, in anomaly mode: a line of text, then the stack */
    rt_node *next, **link;         /* in the list of hidden nodes, and what points at it there; next also in others */
    /* the engine's notes during one walk */
    uint64_t run;
    rt_tensor **pending;           /* owned array of nout owned gradients, or NULL */
    int32_t waiting;
    uint8_t needed;
    rt_edge inline_edges[RT_NODE_INLINE];
    intptr_t inline_meta[8];
};

extern PyTypeObject rt_node_type;   /* lifecycle in node.c, Python face in src/python */

/* Grad mode and inference mode, per thread. */
#define RT_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))   /* one load, no call */
extern RT_THREAD_LOCAL int rt_grad_enabled, rt_inference_enabled;
/* Is nothing of it to be recorded? */
static inline int rt_tensor_is_plain(const rt_tensor *t)
{
    return !rt_grad_enabled || (!rt_tensor_requires_grad(t) && !(t->base && rt_tensor_requires_grad(t->base)));
}
extern int rt_anomaly_enabled;            /* 1: creating stacks are kept; 2: gradients are searched for NaN, too */
/* Anomaly mode's callable that describes the Python stack (owned), or NULL. */
extern PyObject *rt_anomaly_tracer;
/* The innermost saved-tensor hooks, a tuple (pack, unpack), or NULL.  Owned, per thread. */
extern RT_THREAD_LOCAL PyObject *rt_saved_hooks;

/* Python's cyclic collector learns of nodes only when all it knows of is searched: until then a graph of many nodes
 * costs it nothing.  Called at the start of such a search. */
void rt_node_reveal(void);
/* New node, edges empty, nothing saved. */
RT_WARN_UNUSED rt_node *rt_node_new(const rt_node_class *cls, int nin, int nout, int nsaved);
/* Points edge i at where t's gradient goes: its node, itself when a leaf that wants one,
 * nothing otherwise. */
void rt_node_connect(rt_node *n, int i, rt_tensor *t);
/* Keeps a value.  `is_output`: t is an output of n (kept detached: no circle). */
RT_WARN_UNUSED int rt_node_save(rt_node *n, int k, const rt_operand *value, int is_output);
/* The saved value: an output comes back with its node attached when grad mode is on.  out->t is
 * a new reference.  Fails with an error naming saver and writer when it was
 * overwritten, or when the graph was already freed. */
RT_WARN_UNUSED int rt_node_unpack(rt_node *n, int k, rt_operand *out);
/* Makes t output nr of n (t keeps a reference to n). */
RT_WARN_UNUSED int rt_node_own_output(rt_node *n, int nr, rt_tensor *t);
/* Notes what output nr is; those before it are noted already. */
RT_WARN_UNUSED int rt_node_note_output(rt_node *n, int nr, rt_dtype dtype, int ndim, const intptr_t *shape);
/* Drops saved values (after a backward pass without retain_graph). */
void rt_node_release_saved(rt_node *n);
/* Facts of output nr, borrowed pointers into the node. */
void rt_node_meta(const rt_node *n, int nr, rt_dtype *dtype, int *ndim, const intptr_t **shape);
static inline int rt_node_wants(const rt_node *n, int i) { return n->edges[i].to && !n->edges[i].skip; }
#endif
