//  parcel - a long reply on its way. The counts are shared with ZeroMQ's threads, and nothing else is.

#include <stdatomic.h>
#include <stdlib.h>
#include "parcel.h"

struct mailbox {
    atomic_int posted;   //  parcels with ZeroMQ
    atomic_int holders;  //  the router and each of those
};

struct parcel {
    char *data;
    mailbox_t *mailbox;  //  NULL while it is not with ZeroMQ
};

mailbox_t *mailbox_new (void)
{
    mailbox_t *self = calloc (1, sizeof *self);
    atomic_init (&self->holders, 1);
    return self;
}

static void s_release (mailbox_t *self)
{
    if (atomic_fetch_sub (&self->holders, 1) == 1) {
        free (self);
    }
}

void mailbox_let_go (mailbox_t **self_p)
{
    if (*self_p) {
        s_release (*self_p);
        *self_p = NULL;
    }
}

bool mailbox_is_full (const mailbox_t *self)
{
    return atomic_load (&self->posted) >= PARCELS_AT_ONCE;
}

bool mailbox_is_empty (const mailbox_t *self)
{
    return atomic_load (&self->posted) == 0;
}

void parcel_post (parcel_t *self, mailbox_t *mailbox)
{
    atomic_fetch_add (&mailbox->posted, 1);
    atomic_fetch_add (&mailbox->holders, 1);
    self->mailbox = mailbox;
}

void parcel_take_back (parcel_t *self)
{
    atomic_fetch_sub (&self->mailbox->posted, 1);
    s_release (self->mailbox);
    self->mailbox = NULL;
}

static void s_free (void *data, void *hint)
{
    parcel_t *self = hint;
    if (self->mailbox) {
        parcel_take_back (self);
    }
    free (self->data);
    free (self);
}

parcel_t *parcel_new (zmq_msg_t *message, char *data, size_t size)
{
    parcel_t *self = calloc (1, sizeof *self);
    self->data = data;
    zmq_msg_init_data (message, data, size, s_free, self);
    return self;
}
