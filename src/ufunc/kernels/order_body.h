/* order_body: ordering and ranking of one line's keys, for keys of type KEY (uint32_t or uint64_t) with
 * KEY_BITS.  No include guard: order.c includes it once for each.  Floor: ufunc/kernels. */
#define NAME(stem) PASTE(stem, KEY_BITS)
#define KEYS NAME(keys_)

/* A line's keys and what is known of them. */
typedef struct { KEY *at, low, high; intptr_t n, nans; } KEYS;

/* Words that share the upper 32 bits of their keys are sorted by the `shift` bits below. */
ALWAYS void NAME(settle)(const KEYS *k, int shift, uint64_t *r, uint64_t *spare)
{
    const KEY mask = (KEY)(((uint64_t)1 << shift) - 1);
    for (intptr_t i = 0, j; i < k->n; i = j) {
        for (j = i + 1; j < k->n && r[j] >> 32 == r[i] >> 32; j++);
        const intptr_t run = j - i;
        if (run == 1) continue;
        if (run <= PACKED_INSERT) {
            for (intptr_t a = i + 1; a < j; a++) {
                const uint64_t v = r[a];
                const KEY key = k->at[(uint32_t)v];
                intptr_t b = a;
                for (; b > i && k->at[(uint32_t)r[b - 1]] > key; b--) r[b] = r[b - 1];
                r[b] = v;
            }
            continue;
        }
        for (intptr_t a = i; a < j; a++) {
            const uint32_t place = (uint32_t)r[a];
            r[a] = (uint64_t)((KEY)(k->at[place] - k->low) & mask) << 32 | place;
        }
        const uint64_t *s = packed_sort(r + i, spare + i, run, shift);
        if (s != r + i) memcpy(r + i, s, (size_t)run * 8);
    }
}

/* Words whose lower halves are the places in order; they lie in p or q. */
static uint64_t *NAME(order)(const KEYS *k, uint64_t *p, uint64_t *q)
{
    const int bits = bit_length((uint64_t)(KEY)(k->high - k->low)), shift = bits > 32 ? bits - 32 : 0;
    for (intptr_t i = 0; i < k->n; i++) p[i] = (uint64_t)(KEY)((KEY)(k->at[i] - k->low) >> shift) << 32 | (uint64_t)i;
    uint64_t *r = packed_sort(p, q, k->n, bits - shift);
    if (shift) NAME(settle)(k, shift, r, r == p ? q : p);
    return r;
}

/* The key of rank `rank`: digit by digit from the top, keeping those in the digit's bucket.  Keys are
 * copied to `spare` as they get fewer. */
static KEY NAME(select)(const KEYS *k, intptr_t rank, KEY *spare)
{
    const KEY *x = k->at;
    KEY low = k->low, high = k->high;
    intptr_t n = k->n;
    while (low < high) {
        uint32_t counts[1 << PACKED_DIGIT], digit = 0;
        const int width = n < 2000 ? 7 : PACKED_DIGIT, bits = bit_length((uint64_t)(KEY)(high - low));
        const int shift = bits > width ? bits - width : 0;
        memset(counts, 0, sizeof counts[0] << width);
        for (intptr_t i = 0; i < n; i++) counts[(KEY)(x[i] - low) >> shift]++;
        for (; rank >= (intptr_t)counts[digit]; digit++) rank -= (intptr_t)counts[digit];
        if (shift == 0) return (KEY)(low + digit);
        KEY new_low = (KEY)~(KEY)0, new_high = 0;
        intptr_t m = 0;
        for (intptr_t i = 0; i < n; i++) {
            const KEY v = x[i];
            if ((KEY)(v - low) >> shift != digit) continue;
            spare[m++] = v;
            new_low = v < new_low ? v : new_low;
            new_high = v > new_high ? v : new_high;
        }
        x = spare, n = m, low = new_low, high = new_high;
    }
    return low;
}

/* Of the keys of rank below `count`, in order of place: keys and places moved to the front of kb and ib. */
static void NAME(keep)(KEY *kb, uint32_t *ib, intptr_t n, intptr_t count, KEY last)
{
    intptr_t less = 0, m = 0;
    for (intptr_t i = 0; i < n; i++) less += kb[i] < last;
    intptr_t equal = count - less;
    for (intptr_t i = 0; i < n; i++) {
        const int wanted = kb[i] < last || (kb[i] == last && equal-- > 0);
        kb[m] = kb[i];
        ib[m] = ib[i];
        m += wanted;
    }
}

static void NAME(bounds)(KEYS *k)
{
    k->low = (KEY)~(KEY)0, k->high = 0;
    for (intptr_t i = 0; i < k->n; i++) {
        k->low = k->at[i] < k->low ? k->at[i] : k->low;
        k->high = k->at[i] > k->high ? k->at[i] : k->high;
    }
}

static KEY NAME(shrink)(KEY *kb, uint32_t *ib, intptr_t n, intptr_t count, KEY *spare)
{
    KEYS k = {kb, 0, 0, n, 0};
    NAME(bounds)(&k);
    const KEY last = NAME(select)(&k, count - 1, spare);
    NAME(keep)(kb, ib, n, count, last);
    return last;
}

typedef void NAME(reader)(const char *x, intptr_t step, KEY flip, KEYS *k);

/* The k first of a line, kept in a buffer that is cut down to k whenever it is full; a block without a
 * key below the greatest kept is passed over. */
static void NAME(filter)(const rt_order_line *l, NAME(reader) *read, KEY flip, intptr_t count, KEY *kb, uint32_t *ib,
                         KEY *spare)
{
    enum { BLOCK = 128 };
    KEY block[BLOCK], limit = (KEY)~(KEY)0;
    const intptr_t room = 2 * count + 4 * BLOCK;
    intptr_t held = 0;
    for (intptr_t i = 0; i < l->n; i += BLOCK) {
        KEYS k = {block, 0, 0, l->n - i < BLOCK ? l->n - i : BLOCK, 0};
        read(l->x + i * l->step, l->step, flip, &k);
        if (k.low > limit) continue;
        for (intptr_t j = 0; j < k.n; j++) {
            kb[held] = block[j];
            ib[held] = (uint32_t)(i + j);
            held += block[j] <= limit;
        }
        if (held + BLOCK < room) continue;
        const KEY last = NAME(shrink)(kb, ib, held, count, spare);
        held = count;
        if (last == 0) return;
        limit = (KEY)(last - 1);
    }
    if (held > count) NAME(shrink)(kb, ib, held, count, spare);
}

/* Few of a line: they are kept in order in a short list that each better one is inserted into. */
static void NAME(few)(const rt_order_line *l, NAME(reader) *read, KEY flip, intptr_t size, intptr_t count)
{
    enum { BLOCK = 64 };
    KEY block[BLOCK], kb[FEW + 1];
    uint32_t ib[FEW + 1];
    intptr_t held = 0;
    for (intptr_t i = 0; i < l->n; i += BLOCK) {
        KEYS k = {block, 0, 0, l->n - i < BLOCK ? l->n - i : BLOCK, 0};
        read(l->x + i * l->step, l->step, flip, &k);
        if (held == count && k.low >= kb[count - 1]) continue;
        for (intptr_t j = 0; j < k.n; j++) {
            const KEY key = block[j];
            if (held == count && key >= kb[count - 1]) continue;
            intptr_t at = held;
            for (; at > 0 && kb[at - 1] > key; at--) kb[at] = kb[at - 1], ib[at] = ib[at - 1];
            kb[at] = key, ib[at] = (uint32_t)(i + j);
            held += held < count;
        }
    }
    for (intptr_t i = 0; i < count; i++) put(l, size, i, ib[i]);
}

static void NAME(top)(const rt_order_line *l, NAME(reader) *read, KEY flip, intptr_t size, intptr_t count, int sorted)
{
    KEYS k = {(KEY *)l->room, 0, 0, l->n, 0};
    if (count <= FEW && count * 4 <= l->n) {
        NAME(few)(l, read, flip, size, count);
        return;
    }
    const intptr_t room = count * 8 <= l->n && l->n > 1024 ? 2 * count + 1024 : l->n;
    uint32_t *ib = (uint32_t *)(l->room + 8 * room);
    uint64_t *p = (uint64_t *)(l->room + 8 * ((3 * room + 1) / 2));
    if (room < l->n) {
        NAME(filter)(l, read, flip, count, k.at, ib, (KEY *)p);
    } else {
        read(l->x, l->step, flip, &k);
        for (intptr_t i = 0; i < l->n; i++) ib[i] = (uint32_t)i;
        NAME(keep)(k.at, ib, l->n, count, NAME(select)(&k, count - 1, (KEY *)p));
    }
    k.n = count;
    NAME(bounds)(&k);
    if (!sorted) {
        for (intptr_t i = 0; i < count; i++) put(l, size, i, ib[i]);
        return;
    }
    const uint64_t *r = NAME(order)(&k, p, p + count);
    for (intptr_t i = 0; i < count; i++) put(l, size, i, ib[(uint32_t)r[i]]);
}

static void NAME(sort)(const rt_order_line *l, NAME(reader) *read, KEY flip, intptr_t size)
{
    KEYS k = {(KEY *)l->room, 0, 0, l->n, 0};
    uint64_t *p = (uint64_t *)(l->room + 8 * l->n);
    read(l->x, l->step, flip, &k);
    put_all(l, size, NAME(order)(&k, p, p + l->n));
}

static void NAME(rank)(const rt_order_line *l, NAME(reader) *read, intptr_t size, rt_rank_kind kind, intptr_t rank)
{
    KEYS k = {(KEY *)l->room, 0, 0, l->n, 0};
    read(l->x, l->step, 0, &k);
    if (kind == RT_RANK_MEDIAN) rank = k.nans ? k.n - k.nans : (k.n - 1) / 2;
    if (kind == RT_RANK_NANMEDIAN) rank = k.nans == k.n ? 0 : (k.n - k.nans - 1) / 2;
    const KEY v = NAME(select)(&k, rank, k.at + k.n);
    intptr_t less = 0, place = 0;
    for (intptr_t i = 0; i < k.n; i++) less += k.at[i] < v;
    for (intptr_t equal = rank - less; k.at[place] != v || equal-- > 0; place++);
    put(l, size, 0, (uint32_t)place);
}

static void NAME(mode)(const rt_order_line *l, NAME(reader) *read, intptr_t size)
{
    KEYS k = {(KEY *)l->room, 0, 0, l->n, 0};
    uint64_t *p = (uint64_t *)(l->room + 8 * l->n);
    read(l->x, l->step, 0, &k);
    const uint64_t *r = NAME(order)(&k, p, p + l->n);
    intptr_t most = 0, run = 0;
    uint32_t best = 0;
    for (intptr_t i = 0; i < k.n; i++) {
        const KEY key = k.at[(uint32_t)r[i]];
        const int alone = k.nans && key == k.high;
        run++;
        if (i + 1 < k.n && !alone && k.at[(uint32_t)r[i + 1]] == key) continue;
        if (run > most) most = run, best = (uint32_t)r[i];
        run = 0;
    }
    put(l, size, 0, best);
}
#undef KEYS
#undef NAME
#undef KEY
#undef KEY_BITS
