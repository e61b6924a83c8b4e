//  asker - one DEALER and the slots of its open requests. Owned by one thread at a time.

#include "asker.h"
#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

struct asker_s {
    void *socket;
    msgpack_sbuffer buffer;  //  the request that is being packed
    msgpack_packer packer;
    size_t window;
    size_t *free_slots;  //  a stack
    size_t free_count;
    bool *is_open;  //  of each slot
    size_t slot;    //  of the request that is being packed
};

uint64_t clock_ns (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

asker_t *asker_new (void *context, const char *endpoint, size_t window, const keys_t *keys)
{
    int linger_ms = 0, unlimited = 0;
    void *socket = zmq_socket (context, ZMQ_DEALER);
    assert (socket);
    zmq_setsockopt (socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_setsockopt (socket, ZMQ_SNDHWM, &unlimited, sizeof unlimited);
    zmq_setsockopt (socket, ZMQ_RCVHWM, &unlimited, sizeof unlimited);
    keys_apply (keys, socket);
    if (zmq_connect (socket, endpoint)) {
        int reason = errno;
        zmq_close (socket);
        errno = reason;
        return NULL;
    }
    asker_t *self = calloc (1, sizeof *self);
    assert (self);
    self->socket = socket;
    self->window = self->free_count = window;
    self->free_slots = calloc (window, sizeof *self->free_slots);
    self->is_open = calloc (window, sizeof *self->is_open);
    assert (self->free_slots && self->is_open);
    for (size_t at = 0; at < window; at++) {
        self->free_slots[at] = window - 1 - at;
    }
    msgpack_sbuffer_init (&self->buffer);
    msgpack_packer_init (&self->packer, &self->buffer, msgpack_sbuffer_write);
    return self;
}

void asker_destroy (asker_t **self_p)
{
    asker_t *self = *self_p;
    if (self) {
        zmq_close (self->socket);
        msgpack_sbuffer_destroy (&self->buffer);
        free (self->free_slots);
        free (self->is_open);
        free (self);
        *self_p = NULL;
    }
}

size_t asker_open (const asker_t *self)
{
    return self->window - self->free_count;
}

bool asker_has_room (const asker_t *self)
{
    return self->free_count > 0;
}

void pack_str (msgpack_packer *packer, span_t text)
{
    msgpack_pack_str (packer, text.size);
    msgpack_pack_str_body (packer, text.data, text.size);
}

void pack_text (msgpack_packer *packer, const char *text)
{
    pack_str (packer, span_text (text));
}

msgpack_packer *asker_begin (asker_t *self, const char *op, size_t keys)
{
    assert (self->free_count > 0);
    self->slot = self->free_slots[--self->free_count];
    self->is_open[self->slot] = true;
    msgpack_sbuffer_clear (&self->buffer);
    msgpack_pack_map (&self->packer, keys + 2);
    pack_text (&self->packer, "op");
    pack_text (&self->packer, op);
    pack_text (&self->packer, "seq");
    msgpack_pack_uint64 (&self->packer, self->slot);
    return &self->packer;
}

size_t asker_send (asker_t *self)
{
    zmq_send (self->socket, self->buffer.data, self->buffer.size, ZMQ_DONTWAIT);  //  without limit: never refused
    return self->slot;
}

bool map_value (cursor_t map, const char *key, cursor_t *value)
{
    uint32_t count;
    span_t name;
    if (cursor_map (&map, &count)) {
        for (; count > 0 && cursor_str (&map, &name); count--) {
            if (span_eq (name, key)) {
                *value = map;
                return true;
            }
            cursor_skip (&map);
        }
    }
    return false;
}

uint64_t map_uint (cursor_t map, const char *key)
{
    cursor_t value;
    uint64_t number;
    return map_value (map, key, &value) && cursor_uint (&value, &number) ? number : 0;
}

bool map_flag (cursor_t map, const char *key)
{
    cursor_t value;
    bool flag;
    return map_value (map, key, &value) && cursor_bool (&value, &flag) && flag;
}

bool answer_value (answer_t *self, const char *key, cursor_t *value)
{
    return map_value (cursor_of (span_of (zmq_msg_data (&self->frame), zmq_msg_size (&self->frame))), key, value);
}

uint64_t answer_uint (answer_t *self, const char *key)
{
    cursor_t value;
    uint64_t number;
    return answer_value (self, key, &value) && cursor_uint (&value, &number) ? number : 0;
}

span_t answer_text (answer_t *self, const char *key)
{
    cursor_t value;
    span_t text;
    return answer_value (self, key, &value) && cursor_str (&value, &text) ? text : span_text ("?");
}

bool answer_read (answer_t *self, uint64_t *seq)
{
    cursor_t value;
    if (!scan_is_one_value (zmq_msg_data (&self->frame), zmq_msg_size (&self->frame), SCAN_DEPTH_MAX) ||
        !answer_value (self, "seq", &value) || !cursor_uint (&value, seq) || !answer_value (self, "ok", &value) ||
        !cursor_bool (&value, &self->ok)) {
        return false;
    }
    if (!self->ok) {
        span_t code = answer_text (self, "code"), message = answer_text (self, "message");
        snprintf (
            self->fault, sizeof self->fault, "%.*s: %.*s", (int)code.size, code.data, (int)message.size, message.data);
    }
    return true;
}

//  False when this is no reply to an open request.
static bool s_read (asker_t *self, answer_t *answer)
{
    uint64_t slot;
    if (!answer_read (answer, &slot) || slot >= self->window || !self->is_open[slot]) {
        return false;
    }
    answer->slot = (size_t)slot;
    self->is_open[slot] = false;
    self->free_slots[self->free_count++] = answer->slot;
    return true;
}

bool asker_take (asker_t *self, answer_t *answer)
{
    zmq_msg_init (&answer->frame);
    while (zmq_msg_recv (&answer->frame, self->socket, ZMQ_DONTWAIT) >= 0) {
        if (s_read (self, answer)) {
            return true;
        }
    }
    zmq_msg_close (&answer->frame);
    return false;
}

static bool s_has_input (const asker_t *self)
{
    int events = 0;
    size_t size = sizeof events;
    zmq_getsockopt (self->socket, ZMQ_EVENTS, &events, &size);
    return events & ZMQ_POLLIN;
}

//  zmq_poll counts in milliseconds, too coarse for due times; the socket's descriptor tells of changes only, so its
//  events are looked at before each wait.
void asker_wait (asker_t *const *selves, size_t count, uint64_t until_ns)
{
    struct pollfd *items = calloc (count, sizeof *items);
    assert (items);
    for (size_t at = 0; at < count; at++) {
        size_t size = sizeof items[at].fd;
        zmq_getsockopt (selves[at]->socket, ZMQ_FD, &items[at].fd, &size);
        items[at].events = POLLIN;
    }
    bool woken = false;
    for (uint64_t now; !woken && (now = clock_ns ()) < until_ns;) {
        for (size_t at = 0; at < count && !woken; at++) {
            woken = s_has_input (selves[at]);
        }
        if (!woken) {
            struct timespec left = {(time_t)((until_ns - now) / SECOND_NS), (long)((until_ns - now) % SECOND_NS)};
            ppoll (items, count, &left, NULL);
        }
    }
    free (items);
}

bool asker_take_until (asker_t *self, answer_t *answer, uint64_t until_ns)
{
    bool taken;
    while (!(taken = asker_take (self, answer)) && clock_ns () < until_ns) {
        asker_wait (&self, 1, until_ns);
    }
    return taken;
}

void answer_move (answer_t *self, answer_t *from)
{
    *self = *from;
    zmq_msg_init (&self->frame);
    zmq_msg_move (&self->frame, &from->frame);
    zmq_msg_close (&from->frame);
}

void answer_clear (answer_t *self)
{
    zmq_msg_close (&self->frame);
}
