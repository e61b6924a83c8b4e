//  holes - the gaps that a reply tells. In control's thread.

#include "holes.h"

static void s_add (holes_t *self, const hole_t *hole)
{
    if (hole->first > hole->last) {
        return;
    }
    if (self->count == self->room) {
        self->room = 2 * self->room + 8;
        self->items = realloc (self->items, self->room * sizeof *self->items);
    }
    self->items[self->count++] = *hole;
}

void holes_add (holes_t *self, size_t source, span_t channel, const read_t *read, uint64_t to)
{
    uint64_t begin = read->after + 1;
    uint64_t flushed = read->floor - 1;
    hole_t hole = {source, channel, begin, flushed < to ? flushed : to, "flushed"};
    s_add (self, &hole);
    begin = begin > read->floor ? begin : read->floor;
    for (size_t i = 0; i < read->gaps->elements; i++) {
        const char *text = read->gaps->element[i]->str;
        if (sscanf (text, "%" SCNu64 " %" SCNu64 " %15s", &hole.first, &hole.last, hole.why) == 3) {
            hole.first = hole.first > begin ? hole.first : begin;
            hole.last = hole.last < to ? hole.last : to;
            s_add (self, &hole);
        }
    }
}

void holes_pack (const holes_t *self, reply_t *reply)
{
    size_t at = reply_open_array (reply, "gaps"), count = 0;
    for (size_t i = 0; i < self->count; i++) {
        const hole_t *hole = &self->items[i];
        if (hole->first <= hole->last) {
            msgpack_pack_array (&reply->packer, 4);
            reply_str (reply, hole->channel);
            msgpack_pack_uint64 (&reply->packer, hole->first);
            msgpack_pack_uint64 (&reply->packer, hole->last);
            reply_text (reply, hole->why);
            count++;
        }
    }
    reply_close_array (reply, at, count);
}

void holes_clear (holes_t *self)
{
    free (self->items);
    *self = (holes_t){NULL, 0, 0};
}
