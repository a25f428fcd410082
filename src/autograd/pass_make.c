/* pass_make: what a pass calls, settled once.  Ops are gone through forwards, then backwards in the engine's order; each
 * notes its kernel calls and where their operands lie.  Values are packed and of one dtype, shapes those of the ops
 * (nothing is broadcast but numbers).  Floor: autograd. */
#include "autograd/pass_make.h"
#include "backends/memory.h"
#include "ufunc/apply.h"
#include <string.h>

enum { ALIGN = 64, NOWHERE = -1 };
#define SCRATCH ((intptr_t)4 << 20)
#define MULTIPLIED ((intptr_t)1 << 24)           /* multiply-adds: the GIL is kept meanwhile */

/* ---- places ---- */

int rt_pass_refuse(rt_pass_maker *m)
{
    m->failed = 1;
    return NOWHERE;
}

static int new_place(rt_pass_maker *m)
{
    if (m->p->nplaces == RT_PASS_PLACES) return rt_pass_refuse(m);
    m->part_of[m->p->nplaces] = -1;
    return m->p->nplaces++;
}

int rt_pass_scratch(rt_pass_maker *m, intptr_t elements)
{
    const intptr_t bytes = (elements * (intptr_t)m->p->item + ALIGN - 1) / ALIGN * ALIGN;
    const int place = new_place(m);
    int b = 0;
    while (b < m->nparts && (m->parts[b].uses || m->parts[b].size < bytes)) b++;
    if (place < 0 || b == RT_PASS_PARTS || m->end + bytes > SCRATCH) return rt_pass_refuse(m);
    if (b == m->nparts) {
        m->parts[m->nparts].offset = m->end;
        m->parts[m->nparts++].size = bytes;
        m->end += bytes;
    }
    m->parts[b].uses = 1;
    m->part_of[place] = b;
    return place;
}

void rt_pass_use(rt_pass_maker *m, int place, int by)
{
    if (place >= 0 && m->part_of[place] >= 0) m->parts[m->part_of[place]].uses += by;
}

int rt_pass_number(rt_pass_maker *m, const rt_operand *o)
{
    const int place = new_place(m);
    if (place < 0 || m->p->nnumbers == RT_PASS_NUMBERS) return rt_pass_refuse(m);
    char *at = (char *)&m->p->numbers[m->p->nnumbers++];
    if (rt_operand_store(o, m->p->dtype, at) < 0) {
        PyErr_Clear();
        return rt_pass_refuse(m);
    }
    m->p->at[place] = at;
    return place;
}

static int new_made(rt_pass_maker *m, const rt_tensor *like, int input)
{
    const int place = new_place(m);
    if (place < 0 || m->p->nmade == RT_PASS_MADE || like->ndim > RT_INLINE_NDIM) return rt_pass_refuse(m);
    rt_pass_made *d = &m->p->made[m->p->nmade++];
    *d = (rt_pass_made){.place = (int16_t)place, .input = (int16_t)input, .ndim = like->ndim};
    memcpy(d->shape, like->shape, like->ndim * sizeof *d->shape);
    return place;
}

/* ---- values ---- */

rt_pass_value *rt_pass_find(rt_pass_maker *m, const rt_tensor *t)
{
    for (int k = 0; k < m->nvalues; k++)
        if (m->values[k].t == t) return &m->values[k];
    return NULL;
}

int rt_pass_is_plain(const rt_pass_maker *m, const rt_tensor *t)
{
    return (rt_dtype)t->dtype == m->p->dtype && t->size > 0 && rt_tensor_is_contiguous(t);
}

static rt_pass_value *add(rt_pass_maker *m, const rt_tensor *t, int place)
{
    m->values[m->nvalues] = (rt_pass_value){t, place, NOWHERE, NOWHERE, NOWHERE, 0};
    return &m->values[m->nvalues++];
}

int rt_pass_read(rt_pass_maker *m, const rt_tensor *t)
{
    rt_pass_value *v = rt_pass_find(m, t);
    if (v) return v->place;
    if (t->node || m->p->nin == RT_PASS_INPUTS || t->storage->device.type != RT_CPU) return rt_pass_refuse(m);
    const int place = new_place(m);
    if (place < 0) return NOWHERE;
    v = add(m, t, place);
    v->input = m->p->nin;
    m->in[m->p->nin] = t;
    m->p->in[m->p->nin++] = (int16_t)place;
    return place;
}

int rt_pass_write(rt_pass_maker *m, int j)
{
    const rt_tensor *t = m->ops[j].out;
    if (!rt_pass_is_plain(m, t) || rt_pass_find(m, t)) return rt_pass_refuse(m);
    const int place = m->ops[j].kept ? new_made(m, t, NOWHERE) : rt_pass_scratch(m, t->size);
    if (place >= 0) add(m, t, place)->op = j;
    return place;
}

/* ---- calls ---- */

rt_pass_call *rt_pass_add(rt_pass_maker *m, void (*run)(const rt_pass_call *, char *const *))
{
    static rt_pass_call spare;                   /* for one that failed already: never run */
    if (m->p->ncalls == RT_PASS_CALLS) rt_pass_refuse(m);
    rt_pass_call *c = m->failed ? &spare : &m->p->calls[m->p->ncalls++];
    *c = (rt_pass_call){.run = run};
    return c;
}

void rt_pass_add_product(rt_pass_maker *m, intptr_t rows, intptr_t columns, intptr_t depth, rt_pass_matrix a,
                         rt_pass_matrix b, int start, int out)
{
    if (rows * columns > MULTIPLIED / depth) rt_pass_refuse(m);
    rt_pass_call *c = rt_pass_add(m, rt_pass_product);
    c->product.dtype = m->p->dtype;
    c->product.m = rows, c->product.n = columns, c->product.k = depth;
    c->product.a_row = a.row, c->product.a_col = a.col;
    c->product.b_row = b.row, c->product.b_col = b.col;
    rt_pass_set(c, 4, (int[]){a.place, b.place, start, out});
}

void rt_pass_add_loop(rt_pass_maker *m, rt_loop *fn, int nin, const int *places, unsigned fixed, intptr_t n)
{
    if (!fn || n > RT_PASS_ELEMENTS) rt_pass_refuse(m);
    rt_pass_call *c = rt_pass_add(m, rt_pass_loop);
    c->loop.loop = fn;
    c->loop.nin = nin;
    c->loop.n = n;
    for (int k = 0; k <= nin; k++) c->loop.steps[k] = fixed >> k & 1 ? 0 : (intptr_t)m->p->item;
    rt_pass_set(c, nin + 1, places);
}

/* ---- gradients ---- */

rt_pass_value *rt_pass_wanting(rt_pass_maker *m, const rt_operand *o)
{
    return o->t && rt_tensor_requires_grad(o->t) ? rt_pass_find(m, o->t) : NULL;
}

int rt_pass_aim(rt_pass_maker *m, const rt_pass_value *v)
{
    return v->input >= 0 ? new_made(m, v->t, v->input) : rt_pass_scratch(m, v->t->size);
}

void rt_pass_deliver(rt_pass_maker *m, rt_pass_value *v, int place, int spread)
{
    if (v->input >= 0 || place < 0) return;      /* tensors made are added in their order */
    if (v->grad < 0) {
        v->grad = place;
        v->spread = spread;
        return;
    }
    const int places[3] = {v->grad, place, rt_pass_scratch(m, v->t->size)};
    rt_pass_add_loop(m, rt_ops[RT_OP_add].loops[m->p->dtype], 2, places, (unsigned)v->spread | (unsigned)spread << 1,
                     v->t->size);
    rt_pass_use(m, v->grad, -1);
    rt_pass_use(m, place, -1);
    v->grad = places[2];
    v->spread = 0;
}

void rt_pass_add_copy(rt_pass_maker *m, int from, int spread, int to, intptr_t n)
{
    const int places[2] = {from, to};
    rt_pass_add_loop(m, rt_isa_now->casts[m->p->dtype][m->p->dtype], 1, places, (unsigned)spread, n);
}

void rt_pass_share(rt_pass_maker *m, rt_pass_value *v, int place, int spread)
{
    if (v->input < 0) {
        rt_pass_use(m, place, 1);
        rt_pass_deliver(m, v, place, spread);
    } else {
        rt_pass_add_copy(m, place, spread, rt_pass_aim(m, v), v->t->size);
    }
}

/* ---- the whole ---- */

static void forward(rt_pass_maker *m, int j, int n)
{
    const rt_pass_row *row = rt_pass_row_of(m->ops[j].op);
    m->beside[j] = NOWHERE;
    if (row) row->forward(m, j, n);
    else rt_pass_refuse(m);
}

static void backward(rt_pass_maker *m, int j)
{
    rt_pass_value *of = rt_pass_find(m, m->ops[j].out);
    if (of->grad >= 0) rt_pass_row_of(m->ops[j].op)->backward(m, j, of);
    rt_pass_use(m, of->grad, -1);                /* nothing older reads these */
    rt_pass_use(m, of->place, -1);
    rt_pass_use(m, m->beside[j], -1);
}

/* The history that the results have. */
static void note_nodes(rt_pass_maker *m, int n)
{
    int made = 0;
    for (int j = 0; j < n && !m->failed; j++) {
        const rt_pass_op *o = &m->ops[j];
        rt_pass_node *node = &m->p->nodes[m->p->nnodes++];
        *node = (rt_pass_node){.op = o->op, .params = o->params, .nin = (int16_t)o->nin, .edges = {-1, -1, -1},
                               .ndim = o->out->ndim, .result = (int16_t)(o->kept ? made++ : -1)};
        if (o->nin > 3 || o->out->ndim > RT_INLINE_NDIM) rt_pass_refuse(m);
        else memcpy(node->shape, o->out->shape, o->out->ndim * sizeof *node->shape);
        for (int i = 0; i < o->nin && !m->failed; i++) {
            const int blind = o->op->family == RT_ELEMENTWISE && !o->op->gradient[i];
            const rt_pass_value *v = blind ? NULL : rt_pass_wanting(m, &o->in[i]);
            if (v) node->edges[i] = (int16_t)(v->input >= 0 ? v->input : -2 - v->op);
        }
    }
}

static int lay_out(rt_pass_maker *m)
{
    m->p->scratch = rt_memory_alloc((size_t)m->end, (rt_device){RT_CPU, 0});
    if (!m->p->scratch) {
        PyErr_Clear();
        return 0;
    }
    for (int k = 0; k < m->p->nplaces; k++)
        if (m->part_of[k] >= 0) m->p->at[k] = m->p->scratch->data + m->parts[m->part_of[k]].offset;
    return 1;
}

static void make(rt_pass_maker *m, int n)
{
    const rt_operand one = rt_operand_int(1);
    for (int j = 0; j < n && !m->failed; j++) forward(m, j, n);
    m->p->nresults = m->p->nmade;
    rt_pass_value *from = m->failed ? NULL : rt_pass_find(m, m->from);
    if (!from || from->input >= 0 || m->from->size != 1) rt_pass_refuse(m);
    else from->grad = rt_pass_number(m, &one);
    for (int j = n; j-- > 0 && !m->failed;) backward(m, j);
    for (int j = 0; j < n && !m->p->nnodes; j++)
        if (m->ops[j].kept == RT_PASS_HISTORY) note_nodes(m, n);
}

rt_pass *rt_pass_new(int n, const rt_pass_op *ops, const rt_tensor *from, const rt_tensor ***in)
{
    const rt_dtype d = (rt_dtype)from->dtype;
    if (n > RT_PASS_OPS || (d != RT_f32 && d != RT_f64)) return NULL;
    rt_pass_maker *m = PyMem_Calloc(1, sizeof *m);
    rt_pass *p = PyMem_Calloc(1, sizeof *p);
    *in = PyMem_Calloc(RT_PASS_INPUTS, sizeof **in);
    int made = 0;
    if (!m || !p || !*in) goto done;
    *m = (rt_pass_maker){.p = p, .ops = ops, .from = from, .in = *in};
    p->dtype = d;
    p->item = rt_itemsize(d);
    make(m, n);
    made = !m->failed && lay_out(m);
done:
    PyMem_Free(m);
    if (made) return p;
    if (p) rt_pass_free(p);
    PyMem_Free(*in);
    *in = NULL;
    return NULL;
}
