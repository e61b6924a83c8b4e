//  outbox - commands for Redis whose replies are due. A ring; the data is gathered from where it lies.

#include <czmq.h>
#include <sys/uio.h>
#include "outbox.h"

enum { FIRST_ROOM = 64, IOV_AT_ONCE = 64 };

struct outbox {
    pending_t *ring;
    size_t room;   //  a power of two
    size_t first;  //  ring index of the oldest
    size_t count;
    size_t unwritten;  //  of these, the last `unwritten` are not wholly with the kernel
    size_t written;    //  bytes of the first of those that are
};

outbox_t *outbox_new (void)
{
    outbox_t *self = calloc (1, sizeof *self);
    self->room = FIRST_ROOM;
    self->ring = malloc (self->room * sizeof *self->ring);
    return self;
}

void outbox_destroy (outbox_t **self_p)
{
    outbox_t *self = *self_p;
    if (self) {
        while (self->count) {
            pending_t pending = outbox_pop (self);
            if (pending.owned) {
                free ((char *)pending.data);
            }
        }
        free (self->ring);
        free (self);
        *self_p = NULL;
    }
}

static pending_t *s_at (outbox_t *self, size_t index)
{
    return &self->ring[(self->first + index) & (self->room - 1)];
}

static void s_grow (outbox_t *self)
{
    pending_t *ring = malloc (self->room * 2 * sizeof *ring);
    for (size_t i = 0; i < self->count; i++) {
        ring[i] = *s_at (self, i);
    }
    free (self->ring);
    self->ring = ring;
    self->room *= 2;
    self->first = 0;
}

void outbox_push (outbox_t *self, pending_t pending)
{
    if (self->count == self->room) {
        s_grow (self);
    }
    self->count++;
    self->unwritten++;
    *s_at (self, self->count - 1) = pending;
}

pending_t outbox_pop (outbox_t *self)
{
    assert (self->count);
    pending_t pending = *s_at (self, 0);
    self->first = (self->first + 1) & (self->room - 1);
    self->count--;
    if (self->unwritten > self->count) {
        self->unwritten = self->count;
        self->written = 0;
    }
    return pending;
}

pending_t *outbox_first (outbox_t *self)
{
    assert (self->count);
    return s_at (self, 0);
}

pending_t *outbox_last (outbox_t *self)
{
    assert (self->count);
    return s_at (self, self->count - 1);
}

size_t outbox_count (const outbox_t *self)
{
    return self->count;
}

size_t outbox_unwritten (const outbox_t *self)
{
    return self->unwritten;
}

//  Notes that `bytes` more have gone to the kernel.
static void s_wrote (outbox_t *self, size_t bytes)
{
    while (bytes) {
        size_t left = s_at (self, self->count - self->unwritten)->size - self->written;
        if (bytes < left) {
            self->written += bytes;
            return;
        }
        bytes -= left;
        self->unwritten--;
        self->written = 0;
    }
}

int outbox_write (outbox_t *self, int fd)
{
    while (self->unwritten) {
        struct iovec parts[IOV_AT_ONCE];
        size_t n = 0, total = 0;
        for (; n < self->unwritten && n < IOV_AT_ONCE; n++) {
            const pending_t *pending = s_at (self, self->count - self->unwritten + n);
            size_t skip = n == 0 ? self->written : 0;
            parts[n] = (struct iovec){(char *)pending->data + skip, pending->size - skip};
            total += parts[n].iov_len;
        }
        ssize_t sent = writev (fd, parts, (int)n);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        }
        s_wrote (self, (size_t)sent);
        if ((size_t)sent < total) {
            return 0;
        }
    }
    return 0;
}
