/* pass: running passes.  Floor: autograd. */
#include "autograd/pass.h"
#include "autograd/engine.h"
#include "autograd/pass_call.h"
#include "backends/memory.h"
#include "ufunc/record.h"

int rt_pass_nin(const rt_pass *p) { return p->nin; }

void rt_pass_free(rt_pass *p)
{
    rt_storage_release(p->scratch);
    PyMem_Free(p);
}

/* Are the inputs as the kernels want them, and may gradients be added up without asking anyone? */
static int are_fit(const rt_pass *p, rt_tensor *const *in)
{
    for (int k = 0; k < p->nin; k++) {
        const rt_tensor *t = in[k];
        if ((uintptr_t)t->data % p->item || t->flags & RT_INFERENCE || t->node || t->hooks) return 0;
    }
    for (int k = 0; k < p->nchecks; k++) {
        const rt_pass_check *c = &p->checks[k];
        const int64_t *t = (const int64_t *)in[c->input]->data;
        for (intptr_t r = 0; r < c->rows; r++)
            if ((uint64_t)t[r] >= (uint64_t)c->classes || t[r] == c->ignore) return 0;
    }
    return 1;
}

/* The nodes that the ops would have left behind a backward pass: without what they saved. */
static int record(const rt_pass *p, rt_tensor *const *in, rt_tensor *const *out)
{
    rt_node *nodes[RT_PASS_OPS];
    int n = 0, status = -1;
    for (; n < p->nnodes; n++) {
        const rt_pass_node *q = &p->nodes[n];
        rt_node *node = nodes[n] = rt_node_new(&q->op->cls, q->nin, q->op->nout, 0);
        if (!node) goto done;
        node->op = q->op;
        for (int i = 0; i < q->nin; i++) {
            const int to = q->edges[i];
            if (to >= 0) rt_node_connect(node, i, in[to]);
            else if (to < -1) node->edges[i] = (rt_edge){Py_NewRef((PyObject *)nodes[-2 - to]), 0, 0};
        }
        rt_node_release_saved(node);
        if ((q->params && rt_record_params(node, q->params) < 0)
            || rt_node_note_output(node, 0, p->dtype, q->ndim, q->shape) < 0
            || (q->result >= 0 && rt_node_own_output(node, 0, out[q->result]) < 0)) {
            n++;
            goto done;
        }
    }
    status = 0;
done:
    while (n-- > 0) Py_XDECREF((PyObject *)nodes[n]);
    return status;
}

/* Tensors are made first: that may run the cyclic collector, and with it anything.  Then nobody else runs until the
 * gradients are added up, when the addresses are not needed any more. */
int rt_pass_run(rt_pass *p, rt_tensor *const *in, rt_tensor **out)
{
    const rt_device cpu = {RT_CPU, 0};
    rt_tensor *fresh[RT_PASS_MADE];
    int n = 0, status = -1;
    if (!are_fit(p, in)) return 0;
    for (; n < p->nmade; n++) {
        const rt_pass_made *m = &p->made[n];
        if (!(fresh[n] = rt_empty(p->dtype, m->ndim, m->shape, cpu))) goto done;
    }
    for (int k = 0; k < p->nin; k++) p->at[p->in[k]] = in[k]->data;
    for (int k = 0; k < p->nmade; k++) p->at[p->made[k].place] = fresh[k]->data;
    for (const rt_pass_call *c = p->calls; c < p->calls + p->ncalls; c++) c->run(c, p->at);
    for (int k = 0; k < p->nresults; k++) {
        out[k] = fresh[k];
        fresh[k] = NULL;
    }
    if (p->nnodes && record(p, in, out) < 0) goto done;
    for (int k = p->nresults; k < p->nmade; k++) {
        rt_tensor *g = fresh[k];
        fresh[k] = NULL;
        if (rt_backward_accumulate(in[p->made[k].input], g) < 0) goto done;
    }
    status = 1;
done:
    for (int k = 0; k < n; k++) Py_XDECREF((PyObject *)fresh[k]);
    return status;
}
