//  taken - the answer of take.lua, and the envelopes of what it gave, read from the log in the order of delivery.
//
//  Belongs to one actor's thread, as the link over which it reads does. Payloads never pass through Lua: the script says
//  ids, and plain range reads bring the members.

#ifndef TAKEN_H_INCLUDED
#define TAKEN_H_INCLUDED

#include "link.h"

typedef struct taken taken_t;

//  Gets each envelope, in the order of delivery. Returns false when this one and what follows are not wanted.
typedef bool (taken_fn) (void *arg, span_t envelope, uint64_t attempt);

//  Copies what take.lua answered. Envelopes go to fn. Returns NULL when it is no answer of take.lua.
taken_t *taken_new (const redisReply *reply, taken_fn *fn, void *arg);

void taken_destroy (taken_t **self_p);

uint64_t taken_lease (const taken_t *self);        //  0: nothing was leased
uint64_t taken_deadline_ms (const taken_t *self);  //  by Redis's clock
bool taken_is_empty (const taken_t *self);         //  it gave nothing
uint64_t taken_first (const taken_t *self);        //  id, in the order of delivery; 0: it gave nothing
uint64_t taken_last (const taken_t *self);
//  Of the member that was read last: its last id, or about that, and how many it holds; 0: nothing was read.
uint64_t taken_member_last (const taken_t *self);
uint64_t taken_member_ids (const taken_t *self);
bool taken_more (const taken_t *self);  //  something else can be taken right now

//  Asks for the next members, at most so many; each reply goes to reply_fn with arg, which calls taken_read. Returns how
//  many replies will come; 0: everything was given to fn. To be called again when all of them have come.
size_t taken_ask (
    taken_t *self, link_t *link, const char *log_key, size_t members, link_reply_fn *reply_fn, void *reply_arg);

//  Takes members from id `first` on, some of which may be of what was given, before the first taken_ask.
void taken_read_ahead (taken_t *self, uint64_t first, const redisReply *members);

//  Takes the next reply to taken_ask; no error. What was flushed meanwhile is left out.
void taken_read (taken_t *self, const redisReply *members);

//  The bytes of the largest member read so far.
size_t taken_largest (const taken_t *self);

//  The ids that were not wanted, as runs: calls rest_fn with each.
typedef void (taken_rest_fn) (void *arg, uint64_t first, uint64_t last);
void taken_rest (const taken_t *self, taken_rest_fn *rest_fn, void *arg);

#endif
