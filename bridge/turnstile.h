//  turnstile - bounds what strangers cost: who connects and has not shown a key makes the bridge compute, and anybody can
//  connect. Owned by the gate's thread.
//
//  It is a bucket of unfinished handshakes: each accepted connection puts one in, each that succeeds takes one out, and
//  TURNSTILE_RATE a second leak out. When it is full, the listening sockets hear nothing until it has leaked somewhat:
//  those who connect try again by themselves, as TCP does, and connections that are there notice nothing.
//
//  LIMIT: in a flood a client that connects anew waits among the strangers. Only a firewall tells them apart.

#ifndef TURNSTILE_H_INCLUDED
#define TURNSTILE_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

enum { TURNSTILE_MOST = 500, TURNSTILE_RATE = 100, TURNSTILE_AGAIN = 10 };

typedef struct turnstile turnstile_t;

turnstile_t *turnstile_new (void);
void turnstile_destroy (turnstile_t **self_p);

//  A socket listens at a TCP endpoint, with that descriptor, which stays the socket's; or no longer.
void turnstile_add (turnstile_t *self, const char *endpoint, int listener);
void turnstile_remove (turnstile_t *self, const char *endpoint);

//  A handshake has begun, or succeeded. Returns true when that has shut the turnstile.
bool turnstile_begin (turnstile_t *self);
void turnstile_succeed (turnstile_t *self);

//  Opens it when it is time. Returns milliseconds until it is to be called again, -1: not before the next handshake.
int turnstile_turn (turnstile_t *self);

#endif
