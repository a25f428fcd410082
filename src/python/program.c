/* program: making and running straight lines of steps.  Floor: python. */
#include "python/program.h"
#include "autograd/engine.h"
#include "core/shape.h"
#include "ufunc/apply.h"
#include <string.h>

enum { INLINE = 8, MOST_JOINED = 64 };

static void clear_step(rt_step *s)
{
    PyMem_Free(s->in);
    PyMem_Free(s->slots);
    PyMem_Free(s->params);
    PyMem_Free(s->drop);
    PyMem_Free(s->pass_slots);
    if (s->fused) rt_fused_free(s->fused);
    if (s->pass) rt_pass_free(s->pass);
    Py_CLEAR(s->call);
}

void rt_program_clear(rt_program *p)
{
    const int n = p->nsteps;
    p->nsteps = 0;
    for (int i = 0; i < n; i++) clear_step(&p->steps[i]);
    PyMem_Free(p->steps);
    p->steps = NULL;
}

int rt_program_traverse(const rt_program *p, visitproc visit, void *arg)
{
    for (int i = 0; i < p->nsteps; i++) Py_VISIT(p->steps[i].call);
    return 0;
}

rt_step *rt_program_add(rt_program *p, rt_step_kind kind, int nin, int nout)
{
    if (p->nsteps == p->room) {
        const int room = p->room ? 2 * p->room : 16;
        rt_step *grown = PyMem_Realloc(p->steps, (size_t)room * sizeof *grown);
        if (!grown) goto no_memory;
        p->steps = grown;
        p->room = room;
    }
    rt_step s = {.kind = kind, .nin = nin, .nout = nout, .grad = (uint8_t)rt_grad_enabled,
                 .inference = (uint8_t)rt_inference_enabled};
    s.in = PyMem_Calloc((size_t)nin + 1, sizeof *s.in);
    s.slots = PyMem_Calloc((size_t)(nin + nout) + 1, sizeof *s.slots);
    if (!s.in || !s.slots) {
        clear_step(&s);
        goto no_memory;
    }
    p->steps[p->nsteps] = s;
    return &p->steps[p->nsteps++];
no_memory:
    PyErr_NoMemory();
    return NULL;
}

/* ---- joining ---- */

typedef struct {
    rt_program *p;
    rt_tensor *const *values;
    int *uses;                     /* by value: reads of all steps that are left, and the caller's */
    rt_step *made;                 /* the new list */
    int nmade;
    int joined[MOST_JOINED], njoined;    /* steps (by number) that wait to become a loop */
} joiner;

static int is_joinable(const joiner *j, const rt_step *s)
{
    rt_operand in[3];
    if (s->kind != RT_STEP_OP || s->nout != 1 || s->given || s->nin > 3 || s->slots[s->nin] < 0) return 0;
    for (int i = 0; i < s->nin; i++) {
        in[i] = s->in[i];
        in[i].t = s->slots[i] < 0 ? NULL : j->values[s->slots[i]];
    }
    return rt_fused_takes(s->op, s->nin, in, j->values[s->slots[s->nin]]);
}

static int is_same_shape(const joiner *j, const rt_step *a, const rt_step *b)
{
    const rt_tensor *x = j->values[a->slots[a->nin]], *y = j->values[b->slots[b->nin]];
    return rt_shape_equal(x->ndim, x->shape, y->ndim, y->shape);
}

static int reads(const rt_step *s, int value)
{
    int n = 0;
    for (int i = 0; i < s->nin; i++) n += s->slots[i] == value;
    return n;
}

/* Which value, among those that the waiting steps read, a tensor is. */
static int value_of(const joiner *j, int first, int n, const rt_tensor *t)
{
    for (int k = 0; k < n; k++) {
        const rt_step *s = &j->p->steps[j->joined[first + k]];
        for (int i = 0; i < s->nin; i++)
            if (s->slots[i] >= 0 && j->values[s->slots[i]] == t) return s->slots[i];
    }
    return -1;
}

/* A loop of the waiting steps first .. first + n - 1; 0 when they are too many for one. */
static int join(joiner *j, int first, int n)
{
    rt_fused_op ops[MOST_JOINED];
    const rt_tensor *from[RT_MAX_OPERANDS];
    rt_step loop = {.kind = RT_STEP_FUSED};
    int outs[MOST_JOINED];
    memset(ops, 0, sizeof ops);
    for (int k = 0; k < n; k++) {
        const rt_step *s = &j->p->steps[j->joined[first + k]];
        const int value = s->slots[s->nin];
        int inside = 0;
        ops[k] = (rt_fused_op){.op = s->op, .nin = s->nin, .out = j->values[value]};
        for (int i = 0; i < s->nin; i++) {
            ops[k].in[i] = s->in[i];
            ops[k].in[i].t = s->slots[i] < 0 ? NULL : j->values[s->slots[i]];
        }
        for (int l = k + 1; l < n; l++) inside += reads(&j->p->steps[j->joined[first + l]], value);
        ops[k].kept = j->uses[value] > inside;
        if (ops[k].kept) outs[loop.nout++] = value;
    }
    if (!loop.nout) {                               /* nobody wants any of it */
        for (int k = 0; k < n; k++) clear_step(&j->p->steps[j->joined[first + k]]);
        return 1;
    }
    loop.fused = rt_fused_new(n, ops, from);
    if (!loop.fused) return 0;
    loop.nin = rt_fused_nin(loop.fused);
    loop.slots = PyMem_Calloc((size_t)(loop.nin + loop.nout), sizeof *loop.slots);
    if (!loop.slots) {
        rt_fused_free(loop.fused);
        return 0;
    }
    for (int i = 0; i < loop.nin; i++) loop.slots[i] = value_of(j, first, n, from[i]);
    memcpy(loop.slots + loop.nin, outs, (size_t)loop.nout * sizeof *outs);
    for (int k = 0; k < n; k++) clear_step(&j->p->steps[j->joined[first + k]]);
    j->made[j->nmade++] = loop;
    j->p->nfused += n;
    return 1;
}

static void close_waiting(joiner *j)
{
    for (int first = 0, n; first < j->njoined; first += n) {
        for (n = j->njoined - first; n > 1 && !join(j, first, n); n--) {}
        if (n == 1) j->made[j->nmade++] = j->p->steps[j->joined[first]];
    }
    j->njoined = 0;
}

/* May the step run before the waiting ones?  It reads nothing of theirs and writes to nothing that they read. */
static int is_independent(const joiner *j, const rt_step *s)
{
    if (s->kind != RT_STEP_OP || s->given || s->op->family == RT_UPDATE) return 0;
    for (int k = 0; k < j->njoined; k++) {
        const rt_step *w = &j->p->steps[j->joined[k]];
        if (reads(s, w->slots[w->nin])) return 0;
    }
    return 1;
}

static void join_all(joiner *j)
{
    for (int i = 0; i < j->p->nsteps; i++) {
        const rt_step *s = &j->p->steps[i];
        const int joinable = is_joinable(j, s);
        if (joinable && (!j->njoined || (j->njoined < MOST_JOINED && is_same_shape(j, s, &j->p->steps[j->joined[0]])))) {
            j->joined[j->njoined++] = i;
            continue;
        }
        if (j->njoined && is_independent(j, s)) {
            j->made[j->nmade++] = *s;
            continue;
        }
        close_waiting(j);
        if (joinable) j->joined[j->njoined++] = i;
        else j->made[j->nmade++] = *s;
    }
    close_waiting(j);
}

/* drop of each step: made values that no later step reads and the caller does not get. */
static int note_ends(rt_program *p, const uint8_t *returned)
{
    uint8_t *seen = PyMem_Calloc((size_t)p->nvalues + 1, 1);
    int status = -1;
    if (!seen) goto done;
    for (int i = p->nsteps; i-- > 0;) {
        rt_step *s = &p->steps[i];
        s->drop = PyMem_Calloc((size_t)(s->nin + s->nout) + 1, sizeof *s->drop);
        if (!s->drop) goto done;
        for (int k = 0; k < s->nin + s->nout; k++) {
            const int v = s->slots[k];
            if (v < p->ninputs || returned[v] || seen[v]) continue;
            seen[v] = 1;
            s->drop[s->ndrop++] = v;
        }
    }
    status = 0;
done:
    PyMem_Free(seen);
    if (status < 0) PyErr_NoMemory();
    return status;
}

int rt_program_finish(rt_program *p, rt_tensor *const *values, const uint8_t *returned)
{
    joiner j = {.p = p, .values = values};
    j.uses = PyMem_Calloc((size_t)p->nvalues + 1, sizeof *j.uses);
    j.made = PyMem_Calloc((size_t)p->nsteps + 1, sizeof *j.made);
    if (!j.uses || !j.made) {
        PyMem_Free(j.uses);
        PyMem_Free(j.made);
        PyErr_NoMemory();
        return -1;
    }
    for (int v = 0; v < p->nvalues; v++) j.uses[v] = returned[v];
    for (int i = 0; i < p->nsteps; i++) {
        const rt_step *s = &p->steps[i];
        for (int k = 0; k < s->nin + s->nout; k++)
            if (s->slots[k] >= 0 && (k < s->nin || (s->given >> (k - s->nin) & 1))) j.uses[s->slots[k]]++;
    }
    join_all(&j);
    PyMem_Free(j.uses);
    PyMem_Free(p->steps);
    p->steps = j.made;
    p->nsteps = p->room = j.nmade;
    return rt_program_add_passes(p, values, returned) < 0 ? -1 : note_ends(p, returned);
}

/* ---- running ---- */

static int run_op(const rt_step *s, rt_tensor **values)
{
    rt_operand local[INLINE], *in = local;
    rt_tensor *out[4] = {NULL, NULL, NULL, NULL};
    rt_params params;
    if (s->nin > INLINE && !(in = PyMem_New(rt_operand, s->nin))) {
        PyErr_NoMemory();
        return -1;
    }
    for (int i = 0; i < s->nin; i++) {
        in[i] = s->in[i];
        if (s->slots[i] >= 0) in[i].t = values[s->slots[i]];
    }
    for (int k = 0; k < s->nout; k++)
        if (s->given >> k & 1) out[k] = values[s->slots[s->nin + k]];
    if (s->params) memcpy(&params, s->params, s->params_bytes);
    const int status = rt_op_apply(s->op, s->nin, in, s->params ? &params : NULL, out);
    for (int k = 0; k < s->nout && status == 0; k++) {
        if (s->given >> k & 1) continue;
        const int v = s->slots[s->nin + k];
        if (v < 0) Py_XDECREF((PyObject *)out[k]);
        else values[v] = out[k];
    }
    if (in != local) PyMem_Free(in);
    return status;
}

static int run_fused(const rt_step *s, rt_tensor **values)
{
    rt_tensor *in[RT_MAX_OPERANDS], *out[RT_MAX_OPERANDS];
    for (int i = 0; i < s->nin; i++) in[i] = values[s->slots[i]];
    if (rt_fused_run(s->fused, in, out) < 0) return -1;
    for (int k = 0; k < s->nout; k++) values[s->slots[s->nin + k]] = out[k];
    return 0;
}

static int run_backward(const rt_step *s, rt_tensor **values)
{
    rt_tensor *outputs[INLINE], *grads[INLINE];
    for (int k = 0; k < s->nin / 2; k++) {
        outputs[k] = values[s->slots[k]];
        grads[k] = s->slots[s->nin / 2 + k] < 0 ? NULL : values[s->slots[s->nin / 2 + k]];
    }
    const rt_backward_call call = {.n = s->nin / 2, .outputs = outputs, .grads = grads, .retain_graph = s->retain};
    return rt_backward(&call);
}

static int run_detach(const rt_step *s, rt_tensor **values)
{
    values[s->slots[1]] = rt_tensor_detach(values[s->slots[0]]);
    return values[s->slots[1]] ? 0 : -1;
}

static int run_call(const rt_step *s)
{
    PyObject *result = PyObject_CallNoArgs(s->call);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

/* 1, or 0 when the steps are to be run one by one. */
static int run_pass(const rt_step *s, rt_tensor **values)
{
    rt_tensor *in[RT_PASS_INPUTS], *out[RT_PASS_MADE] = {NULL};
    const int nin = rt_pass_nin(s->pass);
    for (int k = 0; k < nin; k++) in[k] = values[s->pass_slots[k]];
    const int done = rt_pass_run(s->pass, in, out);
    for (int k = 0; k < RT_PASS_MADE && out[k]; k++) values[s->pass_slots[nin + k]] = out[k];
    return done;
}

int rt_program_run(const rt_program *p, rt_tensor **values)
{
    const int grad = rt_grad_enabled, inference = rt_inference_enabled;
    int status = 0;
    for (int i = 0; i < p->nsteps && status == 0; i++) {
        const rt_step *s = &p->steps[i];
        rt_grad_enabled = s->grad;
        rt_inference_enabled = s->inference;
        const int done = s->pass ? run_pass(s, values) : 0;
        if (done < 0) {
            status = -1;
        } else if (done) {
            for (const rt_step *end = s + s->span; s < end; s++, i++)
                for (int k = 0; k < s->ndrop; k++) Py_CLEAR(values[s->drop[k]]);
            i--;
            continue;
        } else switch (s->kind) {
        case RT_STEP_OP: status = run_op(s, values); break;
        case RT_STEP_FUSED: status = run_fused(s, values); break;
        case RT_STEP_BACKWARD: status = run_backward(s, values); break;
        case RT_STEP_DETACH: status = run_detach(s, values); break;
        case RT_STEP_CALL: status = run_call(s); break;
        }
        for (int k = 0; k < s->ndrop; k++) Py_CLEAR(values[s->drop[k]]);
    }
    rt_grad_enabled = grad;
    rt_inference_enabled = inference;
    return status;
}
