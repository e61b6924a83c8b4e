//  notify - what a supervisor such as systemd is told of the process: that it serves, that it stops, that it lives.
//
//  By the protocol of sd_notify(3), over $NOTIFY_SOCKET; without one, nothing happens. In main's thread.

#ifndef NOTIFY_H_INCLUDED
#define NOTIFY_H_INCLUDED

#include <stdint.h>

//  `status` is a line for people.
void notify_ready (const char *status);

//  A stop has begun, and may take so long.
void notify_stopping (int64_t grace_ms);

//  Says that the process lives, when it is time again. Returns the milliseconds until the next call; -1: nobody watches.
long notify_alive (void);

#endif
