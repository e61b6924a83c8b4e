//  parse_group - reads what a take may take from, and what is to be settled. Any thread.

#include <stdlib.h>
#include "name.h"
#include "parse.h"

_Static_assert(LIMIT_TAKE_CHANNELS == 1000 && LIMIT_SETTLE_ITEMS == 10000, "the texts below say so");

static const char s_not_sources[] = "channels: not an array of 1 to 1000 names and globs";
static const char s_not_items[] = "items: not an array of 1 to 10000 [id, lease]";
static const char s_not_full_items[] = "items: not an array of 1 to 10000 [channel, id, lease]";

int parse_sources (parse_t *self, cursor_t entries)
{
    request_t *request = self->request;
    uint32_t count;
    if (!cursor_array (&entries, &count) || count < 1 || count > LIMIT_TAKE_CHANNELS) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s", s_not_sources);
    }
    request->sources = calloc (count, sizeof *request->sources);
    if (!request->sources) {
        return parse_no_memory (self);
    }
    for (; request->source_count < count; request->source_count++) {
        span_t *source = &request->sources[request->source_count];
        if (!cursor_bytes (&entries, source)) {
            return fault_set (self->fault, CODE_BAD_REQUEST, "%s", s_not_sources);
        }
        const char *flaw = glob_is_name (*source) ? name_flaw (*source) : glob_flaw (*source);
        if (flaw) {
            return fault_set (self->fault, CODE_BAD_CHANNEL, "channels: %s", flaw);
        }
    }
    return 0;
}

//  An item before it is sorted; `at` keeps the order of those that share a channel.
typedef struct {
    item_t item;
    size_t at;
} sorted_t;

static int s_compare_items (const void *a, const void *b)
{
    const sorted_t *x = a, *y = b;
    int order = span_compare (x->item.channel, y->item.channel);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static int s_sort_items (parse_t *self)
{
    request_t *request = self->request;
    sorted_t *sorted = malloc (request->item_count * sizeof *sorted);
    if (!sorted) {
        return parse_no_memory (self);
    }
    for (size_t at = 0; at < request->item_count; at++) {
        sorted[at] = (sorted_t){request->items[at], at};
    }
    qsort (sorted, request->item_count, sizeof *sorted, s_compare_items);
    for (size_t at = 0; at < request->item_count; at++) {
        request->items[at] = sorted[at].item;
    }
    free (sorted);
    return 0;
}

static bool s_read_number (cursor_t *items, uint64_t *number)
{
    return cursor_uint (items, number) && *number >= 1 && *number <= PARSE_ID_MAX;
}

//  Reads the next item: three values, or two where the channel is given for all. Returns what is wrong, or NULL.
static const char *s_read_item (cursor_t *items, item_t *item, const char *not_items)
{
    bool full = item->channel.size == 0;
    uint32_t size;
    bool good =
        cursor_array (items, &size) && size == (full ? 3 : 2) && (!full || cursor_bytes (items, &item->channel));
    good = good && s_read_number (items, &item->id) && s_read_number (items, &item->lease);
    return good ? NULL : not_items;
}

static int s_read_items (parse_t *self, cursor_t items)
{
    request_t *request = self->request;
    bool full = request->channel.size == 0;
    const char *not_items = full ? s_not_full_items : s_not_items;
    uint32_t count;
    if (!cursor_array (&items, &count) || count < 1 || count > LIMIT_SETTLE_ITEMS) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s", not_items);
    }
    request->items = calloc (count, sizeof *request->items);
    if (!request->items) {
        return parse_no_memory (self);
    }
    for (; request->item_count < count; request->item_count++) {
        item_t *item = &request->items[request->item_count];
        item->channel = request->channel;
        const char *flaw = s_read_item (&items, item, not_items), *bad_name = NULL;
        if (flaw || (bad_name = name_flaw (item->channel))) {
            fault_set (self->fault, flaw ? CODE_BAD_REQUEST : CODE_BAD_CHANNEL, "%s%s",
                flaw ? "" : "items: ", flaw ? flaw : bad_name);
            self->fault->index = (int)request->item_count;
            return -1;
        }
    }
    return full ? s_sort_items (self) : 0;
}

int parse_settle (parse_t *self)
{
    const request_t *request = self->request;
    bool items = parse_is_given (self, "items"), lease = request->lease > 0;
    if (items == lease || (lease && request->channel.size == 0)) {
        return fault_set (self->fault, CODE_BAD_REQUEST,
            "%s: needs channel and items, channel and lease, or items with their channels", op_name (request->op));
    }
    return items ? s_read_items (self, cursor_of (parse_value (self, "items"))) : 0;
}
