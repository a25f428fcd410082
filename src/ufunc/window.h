/* window: views and their base under in-place writes.  When a view is written, its base gets
 * a new history; when a base was written, its views' histories are derived again.
 * Floor: ufunc. */
#ifndef RT_UFUNC_WINDOW_H
#define RT_UFUNC_WINDOW_H
#include "core/node.h"

/* `view` was just written by node n (its output k; NULL: by a constant): gives the base the history
 * "what it was, but with the view's part from n". */
RT_WARN_UNUSED int rt_window_rebase(rt_tensor *view, rt_node *n, int k);
/* Derives view's node from its base as the base is now (rt_view_rederive). */
RT_WARN_UNUSED int rt_window_rederive(rt_tensor *view);
#endif
