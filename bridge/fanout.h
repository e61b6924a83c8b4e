//  fanout - sends confirmed batches on the XPUB socket. In the lane's thread.

#ifndef FANOUT_H_INCLUDED
#define FANOUT_H_INCLUDED

#include "access.h"
#include "channel.h"
#include "config.h"

typedef struct fanout fanout_t;

//  Binds, and tells what was bound as socket_bind does. Borrows access, which may be swapped, until destroyed. Returns
//  NULL with a one-line error.
fanout_t *fanout_new (
    const config_t *config, access_t *const *access, char *bound, size_t bound_size, char *error, size_t error_size);

//  Closes; what waits for subscribers is still sent for at most SOCKET_LINGER_MS.
void fanout_destroy (fanout_t **self_p);

void *fanout_socket (fanout_t *self);

//  Reads the subscriptions that XPUB tells of, and grants those that are allowed.
void fanout_read (fanout_t *self);

//  False as long as nobody has ever subscribed: what would be sent then goes nowhere.
bool fanout_is_heard (fanout_t *self);

//  Sends [channel][envelope].
void fanout_send (fanout_t *self, channel_t *channel, span_t envelope);

//  Sends a beat on topic $heads; takes what the message holds.
void fanout_send_beat (fanout_t *self, zmq_msg_t *envelope);

#endif
