/* pass_make: what a pass calls, settled once.  Ops are gone through forwards, then backwards in the engine's order; each
 * notes its kernel calls and where their operands lie.  Values are packed and of one dtype, shapes those of the ops
 * (nothing is broadcast but numbers).  Floor: autograd. */
#include "autograd/pass_call.h"
#include "backends/memory.h"
#include "core/shape.h"
#include "ufunc/apply.h"
#include "ufunc/classes.h"
#include "ufunc/derive.h"
#include <string.h>

enum { OPS = 64, BLOCKS = 128, ELEMENTS = 32768, ALIGN = 64, NOWHERE = -1 };
#define SCRATCH ((intptr_t)4 << 20)
#define MULTIPLIED ((intptr_t)1 << 24)           /* multiply-adds: the GIL is kept meanwhile */

/* A tensor that ops make or read; places or -1. */
typedef struct { const rt_tensor *t; int place, grad, input; } value;
typedef struct {
    rt_pass *p;
    const rt_pass_op *ops;
    const rt_tensor *from;
    const rt_tensor **in;
    value values[RT_PASS_INPUTS + OPS];
    int nvalues, failed, nblocks, beside[OPS];   /* beside: the second result of an op */
    int block_of[RT_PASS_PLACES];                /* of scratch, or -1 */
    struct { intptr_t offset, size; int uses; } blocks[BLOCKS];
    intptr_t end;                                /* of scratch */
} maker;

/* ---- places: -1 when there is no room; failed is set then ---- */

static int refuse(maker *m)
{
    m->failed = 1;
    return NOWHERE;
}

static int new_place(maker *m)
{
    if (m->p->nplaces == RT_PASS_PLACES) return refuse(m);
    m->block_of[m->p->nplaces] = -1;
    return m->p->nplaces++;
}

static int new_scratch(maker *m, intptr_t elements)
{
    const intptr_t bytes = (elements * (intptr_t)m->p->item + ALIGN - 1) / ALIGN * ALIGN;
    const int place = new_place(m);
    int b = 0;
    while (b < m->nblocks && (m->blocks[b].uses || m->blocks[b].size < bytes)) b++;
    if (place < 0 || b == BLOCKS || m->end + bytes > SCRATCH) return refuse(m);
    if (b == m->nblocks) {
        m->blocks[m->nblocks].offset = m->end;
        m->blocks[m->nblocks++].size = bytes;
        m->end += bytes;
    }
    m->blocks[b].uses = 1;
    m->block_of[place] = b;
    return place;
}

static void use(maker *m, int place, int by)
{
    if (place >= 0 && m->block_of[place] >= 0) m->blocks[m->block_of[place]].uses += by;
}

static int new_number(maker *m, const rt_operand *o)
{
    const int place = new_place(m);
    if (place < 0 || m->p->nnumbers == RT_PASS_NUMBERS) return refuse(m);
    char *at = (char *)&m->p->numbers[m->p->nnumbers++];
    if (rt_operand_store(o, m->p->dtype, at) < 0) {
        PyErr_Clear();
        return refuse(m);
    }
    m->p->at[place] = at;
    return place;
}

static int new_made(maker *m, const rt_tensor *like, int input)
{
    const int place = new_place(m);
    if (place < 0 || m->p->nmade == RT_PASS_MADE || like->ndim > RT_INLINE_NDIM) return refuse(m);
    rt_pass_made *d = &m->p->made[m->p->nmade++];
    *d = (rt_pass_made){.place = (int16_t)place, .input = (int16_t)input, .ndim = like->ndim};
    memcpy(d->shape, like->shape, like->ndim * sizeof *d->shape);
    return place;
}

/* ---- values ---- */

static value *find(maker *m, const rt_tensor *t)
{
    for (int k = 0; k < m->nvalues; k++)
        if (m->values[k].t == t) return &m->values[k];
    return NULL;
}

static int is_plain(const maker *m, const rt_tensor *t)
{
    return (rt_dtype)t->dtype == m->p->dtype && t->size > 0 && rt_tensor_is_contiguous(t);
}

static value *add(maker *m, const rt_tensor *t, int place)
{
    m->values[m->nvalues] = (value){t, place, NOWHERE, NOWHERE};
    return &m->values[m->nvalues++];
}

/* Where t lies, which an op made or which is handed in from now on. */
static int taken(maker *m, const rt_tensor *t)
{
    value *v = find(m, t);
    if (v) return v->place;
    if (t->node || m->p->nin == RT_PASS_INPUTS || t->storage->device.type != RT_CPU) return refuse(m);
    const int place = new_place(m);
    if (place < 0) return NOWHERE;
    v = add(m, t, place);
    v->input = m->p->nin;
    m->in[m->p->nin] = t;
    m->p->in[m->p->nin++] = (int16_t)place;
    return place;
}

/* Where op j's result goes; `size` elements. */
static int result(maker *m, int j)
{
    const rt_tensor *t = m->ops[j].out;
    if (!is_plain(m, t) || find(m, t)) return refuse(m);
    const int place = m->ops[j].kept ? new_made(m, t, NOWHERE) : new_scratch(m, t->size);
    if (place >= 0) add(m, t, place);
    return place;
}

/* ---- calls ---- */

static rt_pass_call *call(maker *m, void (*run)(const rt_pass_call *, char *const *))
{
    static rt_pass_call spare;                   /* for one that failed already: never run */
    if (m->p->ncalls == RT_PASS_CALLS) refuse(m);
    rt_pass_call *c = m->failed ? &spare : &m->p->calls[m->p->ncalls++];
    *c = (rt_pass_call){.run = run};
    return c;
}

typedef struct { int place; intptr_t row, col; } matrix;

static void product(maker *m, intptr_t rows, intptr_t columns, intptr_t depth, matrix a, matrix b, int start, int out)
{
    if (rows * columns > MULTIPLIED / depth) refuse(m);
    rt_pass_call *c = call(m, rt_pass_product);
    c->product.dtype = m->p->dtype;
    c->product.m = rows, c->product.n = columns, c->product.k = depth;
    c->product.a_row = a.row, c->product.a_col = a.col;
    c->product.b_row = b.row, c->product.b_col = b.col;
    c->place[0] = (int16_t)a.place, c->place[1] = (int16_t)b.place, c->place[2] = (int16_t)start, c->place[3] = (int16_t)out;
}

/* places: nin operands, those that `fixed` marks numbers, then the result. */
static void loop(maker *m, rt_loop *fn, int nin, const int *places, unsigned fixed, intptr_t n)
{
    if (!fn || n > ELEMENTS) refuse(m);
    rt_pass_call *c = call(m, rt_pass_loop);
    c->loop.loop = fn;
    c->loop.nin = nin;
    c->loop.n = n;
    for (int k = 0; k <= nin; k++) {
        c->place[k] = (int16_t)places[k];
        c->loop.steps[k] = fixed >> k & 1 ? 0 : (intptr_t)m->p->item;
    }
}

/* ---- gradients ---- */

/* The value of an operand that wants a gradient; else NULL. */
static value *wanting(maker *m, const rt_operand *o)
{
    return o->t && rt_tensor_requires_grad(o->t) ? find(m, o->t) : NULL;
}

/* Where the next gradient of v is to be computed. */
static int aim(maker *m, const value *v)
{
    return v->input >= 0 ? new_made(m, v->t, v->input) : new_scratch(m, v->t->size);
}

/* The gradient at `place` is v's, or part of it. */
static void deliver(maker *m, value *v, int place)
{
    if (v->input >= 0 || place < 0) return;      /* tensors made are added in their order */
    if (v->grad < 0) {
        v->grad = place;
        return;
    }
    const int places[3] = {v->grad, place, new_scratch(m, v->t->size)};
    loop(m, rt_ops[RT_OP_add].loops[m->p->dtype], 2, places, 0, v->t->size);
    use(m, v->grad, -1);
    use(m, place, -1);
    v->grad = places[2];
}

/* The same for what is another value's gradient, too. */
static void share(maker *m, value *v, int place)
{
    if (v->input < 0) {
        use(m, place, 1);
        deliver(m, v, place);
        return;
    }
    const int own = aim(m, v);
    rt_pass_call *c = call(m, rt_pass_copy);
    c->loop.n = v->t->size * (intptr_t)m->p->item;
    c->place[0] = (int16_t)place, c->place[1] = (int16_t)own;
}

/* ---- rows ---- */

static void linear(maker *m, int j)
{
    const rt_operand *in = m->ops[j].in;
    const rt_tensor *x = in[0].t, *w = in[1].t, *b = m->ops[j].nin > 2 ? in[2].t : NULL;
    if (!is_plain(m, x) || !is_plain(m, w) || (b && !is_plain(m, b)) || x->ndim < 2) {
        refuse(m);
        return;
    }
    const intptr_t n = w->shape[0], k = w->shape[1];
    const matrix left = {taken(m, x), k, 1}, right = {taken(m, w), 1, k};
    const int start = b ? taken(m, b) : NOWHERE;
    product(m, x->size / k, n, k, left, right, start, result(m, j));
}

static void linear_backward(maker *m, int j, int g)
{
    const rt_operand *in = m->ops[j].in;
    const intptr_t n = in[1].t->shape[0], k = in[1].t->shape[1], rows = in[0].t->size / k;
    value *x = wanting(m, &in[0]), *w = wanting(m, &in[1]), *b = m->ops[j].nin > 2 ? wanting(m, &in[2]) : NULL;
    if (x) {
        const int to = aim(m, x);
        product(m, rows, k, n, (matrix){g, n, 1}, (matrix){taken(m, in[1].t), k, 1}, NOWHERE, to);
        deliver(m, x, to);
    }
    if (w) {
        const int to = aim(m, w);
        product(m, n, k, rows, (matrix){g, 1, n}, (matrix){taken(m, in[0].t), k, 1}, NOWHERE, to);
        deliver(m, w, to);
    }
    if (b) {
        const int to = aim(m, b);
        if (rows > RT_PASS_ROWS) refuse(m);
        rt_pass_call *c = call(m, rt_pass_column_sums);
        c->sums.kernel = &rt_isa_now->reducers[RT_REDUCE_SUM][m->p->dtype];
        c->sums.rows = rows, c->sums.columns = n, c->sums.item = (intptr_t)m->p->item;
        c->place[0] = (int16_t)g, c->place[1] = (int16_t)to;
        deliver(m, b, to);
    }
}

/* The place of an elementwise row's operand. */
static int operand(maker *m, const rt_operand *o, const rt_tensor *out, int *is_number)
{
    *is_number = !o->t;
    if (!o->t) return o->none ? refuse(m) : new_number(m, o);
    if (!is_plain(m, o->t) || !rt_shape_equal(o->t->ndim, o->t->shape, out->ndim, out->shape)) return refuse(m);
    return taken(m, o->t);
}

static void elementwise(maker *m, int j)
{
    const rt_pass_op *o = &m->ops[j];
    const rt_op *op = o->op;
    int places[4], number;
    unsigned fixed = 0;
    if (op->index >= RT_NKERNEL || op->select || o->nin != op->nin || o->nin > 3 || op->direct[m->p->dtype] != (int)m->p->dtype) {
        refuse(m);
        return;
    }
    for (int i = 0; i < o->nin; i++) {
        places[i] = operand(m, &o->in[i], o->out, &number);
        fixed |= (unsigned)number << i;
    }
    places[o->nin] = result(m, j);
    loop(m, op->loops[m->p->dtype], o->nin, places, fixed, o->out->size);
}

static void elementwise_backward(maker *m, int j, int g)
{
    const rt_pass_op *o = &m->ops[j];
    const rt_operand zero = rt_operand_int(0), out = rt_operand_of(o->out);
    for (int i = 0; i < o->nin; i++) {
        value *v = o->op->gradient[i] ? wanting(m, &o->in[i]) : NULL;
        if (!v) continue;
        if (rt_rule_is_identity(o->op->rules[i])) {
            share(m, v, g);
            continue;
        }
        const uint8_t uses = rt_rule_uses(o->op->rules[i]);
        int places[6] = {g}, number;
        unsigned fixed = 0;
        for (int k = 0; k < 4; k++) {
            const rt_operand *name = !(uses >> k & 1) ? &zero : k == 3 ? &out : k < o->nin ? &o->in[k] : &zero;
            places[k + 1] = operand(m, name, o->out, &number);
            fixed |= (unsigned)number << (k + 1);
        }
        places[5] = aim(m, v);
        loop(m, o->op->gradient_loops[i][m->p->dtype], 5, places, fixed, v->t->size);
        deliver(m, v, places[5]);
    }
}

static rt_pass_call *classes(maker *m, int j, void (*run)(const rt_pass_call *, char *const *))
{
    const rt_pass_op *o = &m->ops[j];
    const rt_tensor *x = o->in[0].t;
    rt_pass_call *c = call(m, run);
    c->classes.kernels = rt_isa_now->entropies[m->p->dtype];
    c->classes.rows = x->shape[0], c->classes.classes = x->shape[1], c->classes.item = (intptr_t)m->p->item;
    c->classes.ignore = o->params->i[0];
    c->classes.smoothing = o->params->f[0];
    c->classes.mean = o->params->i[1] == RT_LOSS_MEAN;
    return c;
}

/* Is op j's result read by the ops that follow? */
static int is_read(const maker *m, int j, int n)
{
    for (int l = j + 1; l < n; l++)
        for (int i = 0; i < m->ops[l].nin; i++)
            if (m->ops[l].in[i].t == m->ops[j].out) return 1;
    return 0;
}

static void cross_entropy(maker *m, int j, int n)
{
    const rt_pass_op *o = &m->ops[j];
    const rt_tensor *x = o->in[0].t, *t = o->in[1].t;
    if (!o->params || !(o->params->f[0] >= 0 && o->params->f[0] <= 1) || o->params->i[1] == RT_LOSS_NONE || (o->nin > 2 && o->in[2].t) || !is_plain(m, x)
        || x->ndim != 2 || x->shape[0] > RT_PASS_ROWS || (rt_dtype)t->dtype != RT_i64 || t->ndim != 1 || t->size != x->shape[0]
        || !rt_tensor_is_contiguous(t) || m->p->nchecks == 4 || !rt_isa_now->entropies[m->p->dtype]) {
        refuse(m);
        return;
    }
    const int wanted = o->kept || is_read(m, j, n), scores = taken(m, x), numbers = taken(m, t);
    const int losses = new_scratch(m, x->shape[0]), out = result(m, j);
    const value *target = find(m, t);
    m->beside[j] = new_scratch(m, 2 * x->shape[0]);
    if (m->failed || target->input < 0) {
        refuse(m);
        return;
    }
    m->p->checks[m->p->nchecks++] = (rt_pass_check){(int16_t)target->input, x->shape[0], x->shape[1], o->params->i[0]};
    rt_pass_call *c = classes(m, j, rt_pass_losses);
    c->place[0] = (int16_t)scores, c->place[1] = (int16_t)numbers, c->place[2] = (int16_t)m->beside[j], c->place[3] = (int16_t)losses;
    if (wanted) {
        c = classes(m, j, rt_pass_total);
        c->place[0] = (int16_t)losses, c->place[1] = (int16_t)out;
    }
    use(m, losses, -1);
}

static void cross_entropy_backward(maker *m, int j, int g)
{
    const rt_pass_op *o = &m->ops[j];
    value *x = wanting(m, &o->in[0]);
    if (!x) return;
    const int places[5] = {x->place, taken(m, o->in[1].t), m->beside[j], g, aim(m, x)};
    rt_pass_call *c = classes(m, j, rt_pass_scores_gradient);
    for (int k = 0; k < 5; k++) c->place[k] = (int16_t)places[k];
    deliver(m, x, places[4]);
}

/* ---- the whole ---- */

static void forward(maker *m, int j, int n)
{
    const rt_op *op = m->ops[j].op;
    m->beside[j] = NOWHERE;
    if (op->index == RT_OP_linear) linear(m, j);
    else if (op->index == RT_OP_cross_entropy) cross_entropy(m, j, n);
    else if (op->family == RT_ELEMENTWISE) elementwise(m, j);
    else refuse(m);
}

static void backward(maker *m, int j)
{
    const rt_op *op = m->ops[j].op;
    const value *v = find(m, m->ops[j].out);
    if (v->grad >= 0) {
        if (op->index == RT_OP_linear) linear_backward(m, j, v->grad);
        else if (op->index == RT_OP_cross_entropy) cross_entropy_backward(m, j, v->grad);
        else elementwise_backward(m, j, v->grad);
    }
    use(m, v->grad, -1);                         /* nothing older reads these */
    use(m, v->place, -1);
    use(m, m->beside[j], -1);
}

static int lay_out(maker *m)
{
    m->p->scratch = rt_memory_alloc((size_t)m->end, (rt_device){RT_CPU, 0});
    if (!m->p->scratch) {
        PyErr_Clear();
        return 0;
    }
    for (int k = 0; k < m->p->nplaces; k++)
        if (m->block_of[k] >= 0) m->p->at[k] = m->p->scratch->data + m->blocks[m->block_of[k]].offset;
    return 1;
}

static void make(maker *m, int n)
{
    const rt_operand one = rt_operand_int(1);
    for (int j = 0; j < n && !m->failed; j++) forward(m, j, n);
    m->p->nresults = m->p->nmade;
    value *from = m->failed ? NULL : find(m, m->from);
    if (!from || from->input >= 0 || m->from->size != 1) refuse(m);
    else from->grad = new_number(m, &one);
    for (int j = n; j-- > 0 && !m->failed;) backward(m, j);
}

rt_pass *rt_pass_new(int n, const rt_pass_op *ops, const rt_tensor *from, const rt_tensor ***in)
{
    const rt_dtype d = (rt_dtype)from->dtype;
    if (n > OPS || (d != RT_f32 && d != RT_f64)) return NULL;
    maker *m = PyMem_Calloc(1, sizeof *m);
    rt_pass *p = PyMem_Calloc(1, sizeof *p);
    *in = PyMem_Calloc(RT_PASS_INPUTS, sizeof **in);
    int made = 0;
    if (!m || !p || !*in) goto done;
    *m = (maker){.p = p, .ops = ops, .from = from, .in = *in};
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
