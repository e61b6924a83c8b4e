//  socket - opens bound libzmq sockets with the options that all of the bridge's have in common.

#ifndef SOCKET_H_INCLUDED
#define SOCKET_H_INCLUDED

#include <czmq.h>
#include "config.h"

enum { SOCKET_LINGER_MS = 1000 };

//  A raw libzmq socket on czmq's context, with CURVE where the config says so, with LINGER, MAXMSGSIZE and TCP keepalive set, and the HWMs given,
//  not bound yet. MAXMSGSIZE is max_message_bytes + LIMIT_FRAME_EXTRA: a larger frame disconnects its sender;
//  who takes less sets less.
void *socket_open (int type, int receive_hwm, int send_hwm, const config_t *config);

//  Binds to each endpoint and appends what was bound, " key=a,b" with real ports in place of wildcards, to the
//  text `bound` of bound_size bytes. Returns 0, or -1 with a one-line error that names the endpoint.
int socket_bind (void *socket, const char *key, const strings_t *endpoints, char *bound, size_t bound_size, char *error,
    size_t error_size);

void socket_set (void *socket, int option, int value);

#endif
