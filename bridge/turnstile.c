//  turnstile - see turnstile.h. Owns duplicates of the listeners' descriptors, so that no other file is ever meant by them.

#include "turnstile.h"

#include <czmq.h>
#include <linux/filter.h>
#include <sys/socket.h>

typedef struct {
    char *endpoint;
    int fd;
} listener_t;

struct turnstile {
    listener_t *listeners;
    size_t count;
    double unfinished;
    int64_t leaked_ms;  //  when it last leaked, of zclock_mono
    bool is_shut;
};

turnstile_t *turnstile_new (void)
{
    turnstile_t *self = calloc (1, sizeof *self);
    assert (self);
    return self;
}

static void s_end (const listener_t *listener)
{
    close (listener->fd);
    free (listener->endpoint);
}

void turnstile_destroy (turnstile_t **self_p)
{
    turnstile_t *self = *self_p;
    if (self) {
        for (size_t i = 0; i < self->count; i++) {
            s_end (&self->listeners[i]);
        }
        free (self->listeners);
        free (self);
        *self_p = NULL;
    }
}

//  A filter of a listener is asked for each packet that would become a connection of it, and for no other.
static void s_hear (const listener_t *listener, bool hears)
{
    static struct sock_filter drop = BPF_STMT (BPF_RET | BPF_K, 0);
    static const struct sock_fprog program = {1, &drop};
    const int ignored = 0;
    if (hears) {
        setsockopt (listener->fd, SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof ignored);
    } else {
        setsockopt (listener->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    }
}

static void s_hear_all (turnstile_t *self, bool hears)
{
    self->is_shut = !hears;
    for (size_t i = 0; i < self->count; i++) {
        s_hear (&self->listeners[i], hears);
    }
}

void turnstile_add (turnstile_t *self, const char *endpoint, int listener)
{
    int fd = fcntl (listener, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return;  //  it has been closed already
    }
    self->listeners = realloc (self->listeners, (self->count + 1) * sizeof *self->listeners);
    assert (self->listeners);
    self->listeners[self->count] = (listener_t){strdup (endpoint), fd};
    assert (self->listeners[self->count].endpoint);
    if (self->is_shut) {
        s_hear (&self->listeners[self->count], false);
    }
    self->count++;
}

void turnstile_remove (turnstile_t *self, const char *endpoint)
{
    for (size_t i = 0; i < self->count; i++) {
        if (streq (self->listeners[i].endpoint, endpoint)) {
            s_end (&self->listeners[i]);
            self->listeners[i] = self->listeners[--self->count];
            return;
        }
    }
}

static void s_leak (turnstile_t *self)
{
    int64_t now_ms = zclock_mono ();
    double leaked = (double)(now_ms - self->leaked_ms) * TURNSTILE_RATE / 1000;
    self->unfinished = self->unfinished > leaked ? self->unfinished - leaked : 0;
    self->leaked_ms = now_ms;
}

bool turnstile_begin (turnstile_t *self)
{
    s_leak (self);
    self->unfinished += 1;
    bool shuts = !self->is_shut && self->unfinished >= TURNSTILE_MOST;
    if (shuts) {
        s_hear_all (self, false);
    }
    return shuts;
}

void turnstile_succeed (turnstile_t *self)
{
    self->unfinished = self->unfinished > 1 ? self->unfinished - 1 : 0;
}

int turnstile_turn (turnstile_t *self)
{
    if (!self->is_shut) {
        return -1;
    }
    s_leak (self);
    double above = self->unfinished - (TURNSTILE_MOST - TURNSTILE_AGAIN);
    if (above <= 0) {
        s_hear_all (self, true);
        return -1;
    }
    return (int)(above * 1000 / TURNSTILE_RATE) + 1;
}
