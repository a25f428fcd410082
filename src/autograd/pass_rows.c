/* pass_rows: what the rows do that a pass may have: linear, elementwise ones, sums of everything, losses.  Each calls the
 * kernels that its functions in src/ufunc call, in the same order.  Floor: autograd. */
#include "autograd/pass_make.h"
#include "core/shape.h"
#include "ufunc/apply.h"
#include "ufunc/classes.h"
#include "ufunc/derive.h"

static void linear(rt_pass_maker *m, int j, int n)
{
    const rt_operand *in = m->ops[j].in;
    const rt_tensor *x = in[0].t, *w = in[1].t, *b = m->ops[j].nin > 2 ? in[2].t : NULL;
    if (!rt_pass_is_plain(m, x) || !rt_pass_is_plain(m, w) || (b && !rt_pass_is_plain(m, b)) || x->ndim < 2) {
        rt_pass_refuse(m);
        return;
    }
    const intptr_t columns = w->shape[0], k = w->shape[1];
    const rt_pass_matrix left = {rt_pass_read(m, x), k, 1}, right = {rt_pass_read(m, w), 1, k};
    const int start = b ? rt_pass_read(m, b) : -1;
    rt_pass_add_product(m, x->size / k, columns, k, left, right, start, rt_pass_write(m, j));
}

static void linear_backward(rt_pass_maker *m, int j, rt_pass_value *of)
{
    const rt_operand *in = m->ops[j].in;
    if (of->spread) {                            /* products take it written out */
        const int whole = rt_pass_scratch(m, of->t->size);
        rt_pass_add_copy(m, of->grad, 1, whole, of->t->size);
        rt_pass_use(m, of->grad, -1);
        of->grad = whole;
        of->spread = 0;
    }
    const int g = of->grad;
    const intptr_t n = in[1].t->shape[0], k = in[1].t->shape[1], rows = in[0].t->size / k;
    rt_pass_value *x = rt_pass_wanting(m, &in[0]), *w = rt_pass_wanting(m, &in[1]);
    rt_pass_value *b = m->ops[j].nin > 2 ? rt_pass_wanting(m, &in[2]) : NULL;
    if (x) {
        const int to = rt_pass_aim(m, x);
        const rt_pass_matrix left = {g, n, 1}, right = {rt_pass_read(m, in[1].t), k, 1};
        rt_pass_add_product(m, rows, k, n, left, right, -1, to);
        rt_pass_deliver(m, x, to, 0);
    }
    if (w) {
        const int to = rt_pass_aim(m, w);
        const rt_pass_matrix left = {g, 1, n}, right = {rt_pass_read(m, in[0].t), k, 1};
        rt_pass_add_product(m, n, k, rows, left, right, -1, to);
        rt_pass_deliver(m, w, to, 0);
    }
    if (b) {
        const int to = rt_pass_aim(m, b);
        if (rows > RT_PASS_ROWS) rt_pass_refuse(m);
        rt_pass_call *c = rt_pass_add(m, rt_pass_column_sums);
        c->sums.kernel = &rt_isa_now->reducers[RT_REDUCE_SUM][m->p->dtype];
        c->sums.rows = rows, c->sums.columns = n, c->sums.item = (intptr_t)m->p->item;
        rt_pass_set(c, 2, (int[]){g, to});
        rt_pass_deliver(m, b, to, 0);
    }
}

/* The place of an elementwise row's operand. */
static int operand(rt_pass_maker *m, const rt_operand *o, const rt_tensor *out, int *is_number)
{
    *is_number = !o->t;
    if (!o->t) return o->none ? rt_pass_refuse(m) : rt_pass_number(m, o);
    const int fits = rt_pass_is_plain(m, o->t) && rt_shape_equal(o->t->ndim, o->t->shape, out->ndim, out->shape);
    return fits ? rt_pass_read(m, o->t) : rt_pass_refuse(m);
}

static void elementwise(rt_pass_maker *m, int j, int n)
{
    const rt_pass_op *o = &m->ops[j];
    const rt_op *op = o->op;
    int places[4], number;
    unsigned fixed = 0;
    if (op->index >= RT_NKERNEL || op->select || o->nin != op->nin || o->nin > 3
        || op->direct[m->p->dtype] != (int)m->p->dtype) {
        rt_pass_refuse(m);
        return;
    }
    for (int i = 0; i < o->nin; i++) {
        places[i] = operand(m, &o->in[i], o->out, &number);
        fixed |= (unsigned)number << i;
    }
    places[o->nin] = rt_pass_write(m, j);
    rt_pass_add_loop(m, op->loops[m->p->dtype], o->nin, places, fixed, o->out->size);
}

/* The gradient of operand i of an elementwise row: names are its x, y, z and out, of v's shape or numbers. */
static void slope(rt_pass_maker *m, const rt_op *op, int i, rt_pass_value *v, int g, int spread,
                  const rt_operand *const *names)
{
    const rt_operand zero = rt_operand_int(0);
    const uint8_t uses = rt_rule_uses(op->rules[i]);
    int places[6] = {g}, number;
    unsigned fixed = (unsigned)spread;
    for (int k = 0; k < 4; k++) {
        places[k + 1] = operand(m, (uses >> k & 1) && names[k] ? names[k] : &zero, v->t, &number);
        fixed |= (unsigned)number << (k + 1);
    }
    places[5] = rt_pass_aim(m, v);
    rt_pass_add_loop(m, op->gradient_loops[i][m->p->dtype], 5, places, fixed, v->t->size);
    rt_pass_deliver(m, v, places[5], 0);
}

static void elementwise_backward(rt_pass_maker *m, int j, rt_pass_value *of)
{
    const rt_pass_op *o = &m->ops[j];
    const rt_operand out = rt_operand_of(o->out), *names[4] = {NULL, NULL, NULL, &out};
    for (int i = 0; i < o->nin; i++) names[i] = &o->in[i];
    for (int i = 0; i < o->nin; i++) {
        rt_pass_value *v = o->op->gradient[i] ? rt_pass_wanting(m, &o->in[i]) : NULL;
        if (v && rt_rule_is_identity(o->op->rules[i])) rt_pass_share(m, v, of->grad, of->spread);
        else if (v) slope(m, o->op, i, v, of->grad, of->spread, names);
    }
}

/* ---- rows that end in one number ---- */

/* The sum of n elements by divisor. */
static void total(rt_pass_maker *m, int x, intptr_t n, double divisor, int out)
{
    if (n > RT_PASS_ELEMENTS) rt_pass_refuse(m);
    rt_pass_call *c = rt_pass_add(m, rt_pass_total);
    c->sums.kernel = &rt_isa_now->reducers[RT_REDUCE_SUM][m->p->dtype];
    c->sums.rows = n, c->sums.item = (intptr_t)m->p->item;
    c->sums.divisor = divisor;
    rt_pass_set(c, 2, (int[]){x, out});
}

/* g by divisor; one more use of g where that is 1. */
static int divided(rt_pass_maker *m, int g, double divisor)
{
    const rt_operand by = rt_operand_float(divisor);
    if (divisor == 1) {
        rt_pass_use(m, g, 1);
        return g;
    }
    const int places[3] = {g, rt_pass_number(m, &by), rt_pass_scratch(m, 1)};
    rt_pass_add_loop(m, rt_ops[RT_OP_div].loops[m->p->dtype], 2, places, 3, 1);
    return places[2];
}

static double divisor_of(const rt_pass_op *o, int mean) { return mean ? (double)o->in[0].t->size : 1; }

/* sum and mean of everything. */
static void fold(rt_pass_maker *m, int j, int n)
{
    const rt_pass_op *o = &m->ops[j];
    const rt_params *p = o->params;
    if (!p || p->n[0] > 0 || p->i[0] || p->i[1] != RT_NODTYPE || !rt_pass_is_plain(m, o->in[0].t) || o->out->ndim) {
        rt_pass_refuse(m);
        return;
    }
    const int x = rt_pass_read(m, o->in[0].t);
    total(m, x, o->in[0].t->size, divisor_of(o, o->op->index == RT_OP_mean), rt_pass_write(m, j));
}

static void fold_backward(rt_pass_maker *m, int j, rt_pass_value *of)
{
    const rt_pass_op *o = &m->ops[j];
    rt_pass_value *x = rt_pass_wanting(m, &o->in[0]);
    if (!x) return;
    const int each = divided(m, of->grad, divisor_of(o, o->op->index == RT_OP_mean));
    rt_pass_share(m, x, each, 1);
    rt_pass_use(m, each, -1);
}

/* What the terms of a loss are; NULL: another row. */
static const rt_op *terms_of(const rt_op *op)
{
    static const rt_op_index rows[][2] = {{RT_OP_mse_loss, RT_OP_squared_error}, {RT_OP_l1_loss, RT_OP_absolute_error},
        {RT_OP_smooth_l1_loss, RT_OP_smooth_error}, {RT_OP_huber_loss, RT_OP_huber_error},
        {RT_OP_bernoulli_loss, RT_OP_bernoulli_error}, {RT_OP_logistic_loss, RT_OP_logistic_error}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        if ((int)rows[k][0] == op->index) return &rt_ops[rows[k][1]];
    return NULL;
}

/* Is op j's result read by the ops that follow, or outside? */
static int is_wanted(const rt_pass_maker *m, int j, int n)
{
    for (int l = j + 1; l < n; l++)
        for (int i = 0; i < m->ops[l].nin; i++)
            if (m->ops[l].in[i].t == m->ops[j].out) return 1;
    return m->ops[j].kept;
}

static void loss(rt_pass_maker *m, int j, int n)
{
    const rt_pass_op *o = &m->ops[j];
    const rt_op *terms = terms_of(o->op);
    int number;
    if (!o->params || o->params->i[0] == RT_LOSS_NONE || !o->in[0].t || !o->in[1].t) {
        rt_pass_refuse(m);
        return;
    }
    const rt_tensor *x = o->in[0].t;
    const rt_operand third = rt_operand_float(o->params->f[0]);
    int places[4] = {operand(m, &o->in[0], x, &number), operand(m, &o->in[1], x, &number)};
    const int out = rt_pass_write(m, j);
    if (!is_wanted(m, j, n)) return;
    if (terms->nin > 2) places[2] = rt_pass_number(m, &third);
    const int each = places[terms->nin] = rt_pass_scratch(m, x->size);
    rt_pass_add_loop(m, terms->loops[m->p->dtype], terms->nin, places, terms->nin > 2 ? 4 : 0, x->size);
    total(m, each, x->size, divisor_of(o, o->params->i[0] == RT_LOSS_MEAN), out);
    rt_pass_use(m, each, -1);
}

static void loss_backward(rt_pass_maker *m, int j, rt_pass_value *of)
{
    const rt_pass_op *o = &m->ops[j];
    const rt_op *terms = terms_of(o->op);
    const rt_operand third = rt_operand_float(o->params->f[0]), *names[4] = {&o->in[0], &o->in[1], &third, NULL};
    const int each = divided(m, of->grad, divisor_of(o, o->params->i[0] == RT_LOSS_MEAN));
    for (int i = 0; i < 2; i++) {
        rt_pass_value *v = rt_pass_wanting(m, &o->in[i]);
        if (v) slope(m, terms, i, v, each, 1, names);
    }
    rt_pass_use(m, each, -1);
}

static rt_pass_call *classes(rt_pass_maker *m, int j, void (*run)(const rt_pass_call *, char *const *))
{
    const rt_pass_op *o = &m->ops[j];
    const rt_tensor *x = o->in[0].t;
    rt_pass_call *c = rt_pass_add(m, run);
    c->classes.kernels = rt_isa_now->entropies[m->p->dtype];
    c->classes.rows = x->shape[0], c->classes.classes = x->shape[1], c->classes.item = (intptr_t)m->p->item;
    c->classes.ignore = o->params->i[0];
    c->classes.smoothing = o->params->f[0];
    c->classes.divisor = o->params->i[1] == RT_LOSS_MEAN ? (double)x->shape[0] : 1;
    return c;
}

static void cross_entropy(rt_pass_maker *m, int j, int n)
{
    const rt_pass_op *o = &m->ops[j];
    const rt_tensor *x = o->in[0].t, *t = o->in[1].t;
    if (!o->params || !(o->params->f[0] >= 0 && o->params->f[0] <= 1) || o->params->i[1] == RT_LOSS_NONE
        || (o->nin > 2 && o->in[2].t) || !rt_pass_is_plain(m, x) || x->ndim != 2 || x->shape[0] > RT_PASS_ROWS || (rt_dtype)t->dtype != RT_i64 || t->ndim != 1 || t->size != x->shape[0]
        || !rt_tensor_is_contiguous(t) || m->p->nchecks == 4 || !rt_isa_now->entropies[m->p->dtype]) {
        rt_pass_refuse(m);
        return;
    }
    const int scores = rt_pass_read(m, x), numbers = rt_pass_read(m, t);
    const int losses = rt_pass_scratch(m, x->shape[0]), out = rt_pass_write(m, j);
    const rt_pass_value *target = rt_pass_find(m, t);
    m->beside[j] = rt_pass_scratch(m, 2 * x->shape[0]);
    if (m->failed || target->input < 0) {
        rt_pass_refuse(m);
        return;
    }
    m->p->checks[m->p->nchecks++] = (rt_pass_check){(int16_t)target->input, x->shape[0], x->shape[1], o->params->i[0]};
    rt_pass_call *c = classes(m, j, rt_pass_losses);
    rt_pass_set(c, 4, (int[]){scores, numbers, m->beside[j], losses});
    if (is_wanted(m, j, n)) total(m, losses, x->shape[0], c->classes.divisor, out);
    rt_pass_use(m, losses, -1);
}

static void cross_entropy_backward(rt_pass_maker *m, int j, rt_pass_value *of)
{
    const rt_pass_op *o = &m->ops[j];
    rt_pass_value *x = rt_pass_wanting(m, &o->in[0]);
    if (!x) return;
    const int places[5] = {x->place, rt_pass_read(m, o->in[1].t), m->beside[j], of->grad, rt_pass_aim(m, x)};
    rt_pass_call *c = classes(m, j, rt_pass_scores_gradient);
    rt_pass_set(c, 5, places);
    rt_pass_deliver(m, x, places[4], 0);
}

const rt_pass_row *rt_pass_row_of(const rt_op *op)
{
    static const rt_pass_row a_linear = {linear, linear_backward}, a_fold = {fold, fold_backward},
                             a_loss = {loss, loss_backward}, a_cross_entropy = {cross_entropy, cross_entropy_backward},
                             an_elementwise = {elementwise, elementwise_backward};
    switch (op->index) {
    case RT_OP_linear: return &a_linear;
    case RT_OP_cross_entropy: return &a_cross_entropy;
    case RT_OP_sum:
    case RT_OP_mean: return &a_fold;
    default: return op->family == RT_ELEMENTWISE ? &an_elementwise : terms_of(op) ? &a_loss : NULL;
    }
}
