//  parcel - a long reply on its way to a peer, and how many of them the peer has not taken yet.
//
//  ZeroMQ's high-water mark counts messages, whatever their size. So short replies get a high mark, and long ones are
//  counted here. Made in control's thread; freed by whichever thread sends the last byte.

#ifndef PARCEL_H_INCLUDED
#define PARCEL_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <zmq.h>

enum {
    PARCEL_BYTES = 4096,  //  a reply of at least so many is a parcel
    PARCELS_AT_ONCE = 8   //  of one peer, with ZeroMQ
};

//  Counts the parcels of one peer. Lives until it is let go and its last parcel is freed.
typedef struct mailbox mailbox_t;

mailbox_t *mailbox_new (void);
void mailbox_let_go (mailbox_t **self_p);
bool mailbox_is_full (const mailbox_t *self);
bool mailbox_is_empty (const mailbox_t *self);

typedef struct parcel parcel_t;

//  Makes the message of a reply, whose bytes it takes. The parcel is freed with the message.
parcel_t *parcel_new (zmq_msg_t *message, char *data, size_t size);

//  The message goes to ZeroMQ; parcel_take_back: it did not.
void parcel_post (parcel_t *self, mailbox_t *mailbox);
void parcel_take_back (parcel_t *self);

#endif
