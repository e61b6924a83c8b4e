//  asker - asks a bridge: sends requests on a DEALER, any number at a time up to a window, and takes the replies.
//
//  A request's seq is its slot, 0 to window - 1, which is free again when its reply is taken.

#ifndef ASKER_H_INCLUDED
#define ASKER_H_INCLUDED

#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>
#include "keys.h"
#include "scan.h"
#include "span.h"

typedef struct asker_s asker_t;

typedef struct {
    size_t slot;
    bool ok;
    char fault[200];  //  when not ok: "code: message"
    zmq_msg_t frame;
} answer_t;

//  NULL when the endpoint can't be connected to; errno then says why. The caller destroys it, in the thread that
//  used it last, before the context.
asker_t *asker_new (void *context, const char *endpoint, size_t window, const keys_t *keys);

void asker_destroy (asker_t **self_p);

//  Requests without a reply.
size_t asker_open (const asker_t *self);

//  True while one more may be sent.
bool asker_has_room (const asker_t *self);

//  Begins {op, seq, …}: the caller packs `keys` more keys, each with its value, then calls asker_send. The packer
//  is the asker's.
msgpack_packer *asker_begin (asker_t *self, const char *op, size_t keys);

//  Returns the request's slot.
size_t asker_send (asker_t *self);

//  Takes a reply that is there, without waiting. False: none is. What is no reply to an open request is dropped. The
//  caller ends the answer by answer_clear.
bool asker_take (asker_t *self, answer_t *answer);

//  Waits until one of them has a reply, or until that time of clock_ns.
void asker_wait (asker_t *const *selves, size_t count, uint64_t until_ns);

//  Waits for a reply as long as that; asker_take else.
bool asker_take_until (asker_t *self, answer_t *answer, uint64_t until_ns);

//  Reads what every reply has: ok and fault from the frame, and its seq. False when the frame is no reply.
bool answer_read (answer_t *self, uint64_t *seq);

//  Reads the value of a reply's key; false when it has none.
bool answer_value (answer_t *self, const char *key, cursor_t *value);

//  As answer_value, of any map.
bool map_value (cursor_t map, const char *key, cursor_t *value);

//  0, or false, when it has none.
uint64_t map_uint (cursor_t map, const char *key);
bool map_flag (cursor_t map, const char *key);

//  0 when it has no such integer.
uint64_t answer_uint (answer_t *self, const char *key);

//  "?" when it has no such str.
span_t answer_text (answer_t *self, const char *key);

//  Takes over what `from` holds, which need not be cleared then.
void answer_move (answer_t *self, answer_t *from);

void answer_clear (answer_t *self);

void pack_text (msgpack_packer *packer, const char *text);
void pack_str (msgpack_packer *packer, span_t text);

#define SECOND_NS UINT64_C (1000000000)

//  Nanoseconds by CLOCK_MONOTONIC.
uint64_t clock_ns (void);

#endif
