//  reply - builds the map that answers a request. No state of its own.

#include "reply.h"

enum { FIRST_ROOM = 256 };  //  most replies are short, and msgpack-c would begin with 8 KiB

void reply_part (reply_t *self)
{
    self->buffer = (msgpack_sbuffer){.data = malloc (FIRST_ROOM), .alloc = FIRST_ROOM};
    assert (self->buffer.data);
    msgpack_packer_init (&self->packer, &self->buffer, msgpack_sbuffer_write);
}

static void s_begin (reply_t *self, span_t seq, size_t keys)
{
    reply_part (self);
    msgpack_pack_map (&self->packer, keys);
    reply_text (self, "seq");
    if (seq.size) {
        reply_raw (self, seq);
    } else {
        msgpack_pack_nil (&self->packer);
    }
}

void reply_ok (reply_t *self, span_t seq, size_t keys)
{
    s_begin (self, seq, keys + 2);
    reply_bool (self, "ok", true);
}

void reply_fault (reply_t *self, span_t seq, const fault_t *fault)
{
    reply_fault_with (self, seq, fault, 0);
}

void reply_fault_with (reply_t *self, span_t seq, const fault_t *fault, size_t keys)
{
    s_begin (self, seq, 4 + (fault->retry_ms > 0) + (fault->index >= 0) + keys);
    reply_bool (self, "ok", false);
    reply_text (self, "code");
    reply_text (self, code_name (fault->code));
    reply_text (self, "message");
    reply_text (self, fault->message);
    if (fault->retry_ms > 0) {
        reply_uint (self, "retry_ms", fault->retry_ms);
    }
    if (fault->index >= 0) {
        reply_uint (self, "index", (uint64_t)fault->index);
    }
}

void reply_str (reply_t *self, span_t text)
{
    msgpack_pack_str (&self->packer, text.size);
    msgpack_pack_str_body (&self->packer, text.data, text.size);
}

void reply_bin (reply_t *self, span_t bytes)
{
    msgpack_pack_bin (&self->packer, bytes.size);
    msgpack_pack_bin_body (&self->packer, bytes.data, bytes.size);
}

void reply_text (reply_t *self, const char *text)
{
    reply_str (self, span_of (text, strlen (text)));
}

void reply_uint (reply_t *self, const char *key, uint64_t value)
{
    reply_text (self, key);
    msgpack_pack_uint64 (&self->packer, value);
}

void reply_bool (reply_t *self, const char *key, bool value)
{
    reply_text (self, key);
    if (value) {
        msgpack_pack_true (&self->packer);
    } else {
        msgpack_pack_false (&self->packer);
    }
}

void reply_array (reply_t *self, const char *key, size_t count)
{
    reply_text (self, key);
    msgpack_pack_array (&self->packer, count);
}

void reply_map (reply_t *self, const char *key, size_t count)
{
    reply_text (self, key);
    msgpack_pack_map (&self->packer, count);
}

void reply_raw (reply_t *self, span_t raw)
{
    msgpack_sbuffer_write (&self->buffer, raw.data, raw.size);
}

size_t reply_open_array (reply_t *self, const char *key)
{
    reply_text (self, key);
    size_t at = self->buffer.size;
    reply_raw (self, span_of ("\xdd\0\0\0\0", 5));
    return at;
}

void reply_close_array (reply_t *self, size_t at, size_t count)
{
    for (int i = 4; i > 0; i--, count >>= 8) {
        self->buffer.data[at + (size_t)i] = (char)(count & 0xff);
    }
}
