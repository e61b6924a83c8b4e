//  reject - headers that tell why, and the beginning of the payload. In the lane's thread; keeps nothing.

#include <msgpack.h>
#include "envelope.h"
#include "reject.h"

enum { PAYLOAD_BYTES = 4096 };

static void s_pack_text (msgpack_packer *packer, span_t text)
{
    msgpack_pack_str (packer, text.size);
    msgpack_pack_str_body (packer, text.data, text.size);
}

void reject (writer_t *writer, span_t channel, span_t payload, const char *reason, const char *peer)
{
    msgpack_sbuffer headers;
    msgpack_sbuffer_init (&headers);
    msgpack_packer packer;
    msgpack_packer_init (&packer, &headers, msgpack_sbuffer_write);
    msgpack_pack_map (&packer, 2 + (channel.size > 0));
    s_pack_text (&packer, span_text ("reason"));
    s_pack_text (&packer, span_text (reason));
    s_pack_text (&packer, span_text ("peer"));
    s_pack_text (&packer, span_text (peer));
    if (channel.size) {
        s_pack_text (&packer, span_text ("channel"));
        s_pack_text (&packer, channel);
    }
    message_t rejected = {
        .channel = span_text ("$rejected"),
        .payload = span_of (payload.data, payload.size < PAYLOAD_BYTES ? payload.size : PAYLOAD_BYTES),
        .headers = span_of (headers.data, headers.size),
        .delay_ms = -1,
        .at_ms = -1,
        .ttl_ms = -1,
    };
    writer_store (writer, &rejected);
    msgpack_sbuffer_destroy (&headers);
}

void reject_batch (writer_t *writer, span_t channel, const batch_t *batch, const char *reason)
{
    for (size_t i = 0; i < batch->count; i++) {
        envelope_t envelope;
        span_t stored = batch_envelope (batch, i);
        size_t size = envelope_decode (&envelope, stored.data, stored.size);
        assert (size > 0);
        (void)size;
        reject (writer, channel, envelope.payload, reason, "");
    }
}
