//  link - one connection to Redis that comes back by itself: greeting, scripts, replies in order.
//
//  Belongs to one actor's thread. The actor polls link_fd for link_events, calls link_work after each poll
//  and no later than link_deadline_ms, and link_write before it polls again.

#ifndef LINK_H_INCLUDED
#define LINK_H_INCLUDED

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>
#include "script.h"

typedef struct link link_t;

//  What the greeting found out. Strings belong to the link.
typedef struct {
    char store[33];          //  the store's random id
    char epoch[33];          //  see KEYSPACE.md: changes when Redis may have lost its newest writes
    int64_t clock_ahead_ms;  //  Redis's clock less this machine's
    bool born;               //  the store is in its first epoch
    char run_id[48];
    char version[16];        //  of Redis or Valkey
    const char *durability;  //  "memory", "everysec", "fsync": what Redis guarantees as it is configured
} link_store_t;

//  Called once for each command that link_send or link_command took: with its reply (borrowed for the
//  call; it may be an error reply), or with NULL when the connection was lost before the reply came.
//  It must not call link_destroy.
typedef void (link_reply_fn) (void *owner, void *arg, redisReply *reply);

//  Called when the link came up (true) or went down (false, after the NULLs).
typedef void (link_state_fn) (void *owner, bool up);

//  `actor` names the owner in logs and is kept by reference. The url has passed the config's check.
link_t *link_new (const char *actor, const char *url, const char *prefix, link_state_fn *on_state, void *owner);

//  Gives every pending command its NULL first.
void link_destroy (link_t **self_p);

//  What to do with a Redis that can't keep the bridge's promises as it is configured, or has fewer replicas than are
//  asked for. tells: says so in the log, once for each time that it was gone; strict: does not come up with it.
void link_judge (link_t *self, bool tells, bool strict, int64_t min_replicas);

bool link_is_up (const link_t *self);
const link_store_t *link_store (const link_t *self);

//  Why the link is down or was last: one line, for answers to clients.
const char *link_trouble (const link_t *self);

//  How often the link came up.
uint64_t link_connects (const link_t *self);

//  Since when Redis, while the link is up, has owed a reply without saying anything, as zclock_mono tells it; 0: it owes none.
int64_t link_silent_since_ms (const link_t *self);

//  For the poll: -1 while there is no socket; ZMQ_POLLIN and ZMQ_POLLOUT as needed.
int link_fd (const link_t *self);
short link_events (const link_t *self);

//  When link_work must be called at the latest, as zclock_mono tells it; INT64_MAX: no need.
int64_t link_deadline_ms (const link_t *self);

//  Connects, reads, calls back, watches the time.
void link_work (link_t *self, short revents);

//  Sends a command that is already in Redis's protocol. The bytes are borrowed until the callback.
//  Only while the link is up.
void link_send (link_t *self, const void *command, size_t size, link_reply_fn *fn, void *arg);

//  Sends a command of argc words. Only while the link is up.
void link_command (link_t *self, link_reply_fn *fn, void *arg, int argc, const span_t *words);

//  Calls a script. words: numkeys, keys, arguments. Only while the link is up.
void link_script (link_t *self, script_t script, link_reply_fn *fn, void *arg, int argc, const span_t *words);

//  The script's digest, 40 hex digits; for callers who build the EVALSHA themselves.
const char *link_digest (const link_t *self, script_t script);

//  Loads the scripts again, ahead of whatever is sent next; for callers who met NOSCRIPT.
void link_load_scripts (link_t *self);

//  Drops the connection and connects anew after the usual pause; `why` goes to the log and to link_trouble.
//  Only outside of a callback.
void link_reset (link_t *self, const char *why);

//  Subscribes to a Pub/Sub channel: from then on the link gives each message on it to fn, and takes no more commands.
//  To be called each time the link has come up, for LINK_LISTEN channels at most, whose names are borrowed. `listening`
//  gets Redis's confirmation: what is published later comes.
enum { LINK_LISTEN = 2 };
typedef void (link_message_fn) (void *owner, span_t message);
void link_listen (link_t *self, const char *pubsub_channel, link_message_fn *fn, link_reply_fn *listening);

//  Writes what link_send has gathered, as far as the socket takes it.
void link_write (link_t *self);

#endif
