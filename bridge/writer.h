//  writer - takes messages to Redis: batches them by channel, sends, confirms, sends again.
//
//  Part of the lane, in its thread. What Redis has confirmed goes to the fan-out.

#ifndef WRITER_H_INCLUDED
#define WRITER_H_INCLUDED

#include "ask.h"
#include "config.h"
#include "feed.h"

typedef struct writer writer_t;

//  Called exactly once for each ask that writer_publish took.
typedef void (writer_answer_fn) (void *owner, ask_t *ask);

//  Borrows fanout, heads and counters until destroyed.
writer_t *writer_new (const config_t *config, const char *redis_url, fanout_t *fanout, heads_t *heads,
    counters_t *counters, writer_answer_fn *answer, void *owner);

//  Answers the asks that are left first.
void writer_destroy (writer_t **self_p);

//  Takes a message from PULL or SUB: it will be stored, however long that takes.
void writer_store (writer_t *self, const message_t *message);

//  Takes a publish; answers at once when Redis is away or too much waits already.
void writer_publish (writer_t *self, ask_t *ask);

//  What fans out the confirmed batches; borrowed.
feed_t *writer_feed (writer_t *self);

//  The store that was last greeted; its id is empty before the first time.
const link_store_t *writer_redis (const writer_t *self);

//  True when so much waits for Redis that nothing more should be read. The last eighth of what may wait is left to
//  publishes, so that PUSH at full speed does not turn them away.
bool writer_is_full (const writer_t *self);

//  Why Redis takes no writes; "": it does, as far as is known.
const char *writer_refusal (const writer_t *self);

//  True when nothing waits for Redis.
bool writer_is_idle (const writer_t *self);

//  For the poll; link_work and link_write are called by writer_work and writer_send.
const link_t *writer_link (const writer_t *self);
int64_t writer_deadline_ms (const writer_t *self);

//  Reads what Redis said, and does what is due.
void writer_work (writer_t *self, short revents);

//  Sends what may be sent; to be called before the poll.
void writer_send (writer_t *self);

#endif
