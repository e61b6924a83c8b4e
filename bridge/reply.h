//  reply - builds the map that answers a request. Holds nothing; the buffer is the caller's.

#ifndef REPLY_H_INCLUDED
#define REPLY_H_INCLUDED

#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>
#include "code.h"
#include "span.h"

//  A map of `keys` keys behind seq and ok: begun by reply_ok, then one reply_key and one value for each.
typedef struct {
    msgpack_sbuffer buffer;
    msgpack_packer packer;
} reply_t;

//  Begins {seq, ok: true, …}. seq is the encoded scalar of the request; size 0: nil.
void reply_ok (reply_t *self, span_t seq, size_t keys);

//  Begins values that will stand in another reply, by reply_raw.
void reply_part (reply_t *self);

//  Writes the whole of {seq, ok: false, code, message, retry_ms?, index?}.
void reply_fault (reply_t *self, span_t seq, const fault_t *fault);

//  The same with room for so many keys more, to be written behind it.
void reply_fault_with (reply_t *self, span_t seq, const fault_t *fault, size_t keys);

//  A key, or any other str.
void reply_text (reply_t *self, const char *text);

void reply_str (reply_t *self, span_t text);
void reply_bin (reply_t *self, span_t bytes);
void reply_uint (reply_t *self, const char *key, uint64_t value);
void reply_bool (reply_t *self, const char *key, bool value);

//  A key, then the head of an array or map of count items.
void reply_array (reply_t *self, const char *key, size_t count);
void reply_map (reply_t *self, const char *key, size_t count);

//  Bytes that are msgpack already.
void reply_raw (reply_t *self, span_t raw);

//  Writes an array's head with room for any count, to be told later by reply_close_array.
//  Returns where it stands.
size_t reply_open_array (reply_t *self, const char *key);
void reply_close_array (reply_t *self, size_t at, size_t count);

#endif
