//  query - one question and its answer. Main's thread.

#include "query.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include "zrb.h"

enum { PAYLOAD_SHOWN = 400 };

void key_text (msgpack_packer *packer, const char *key, const char *value)
{
    pack_text (packer, key);
    pack_text (packer, value);
}

void key_number (msgpack_packer *packer, const char *key, uint64_t value)
{
    pack_text (packer, key);
    msgpack_pack_uint64 (packer, value);
}

void key_true (msgpack_packer *packer, const char *key)
{
    pack_text (packer, key);
    msgpack_pack_true (packer);
}

int query_end (session_t **session_p, const args_t *args, uint64_t wait_ms, const char *hint, print_fn *print)
{
    answer_t answer;
    int status = session_ask_any (*session_p, wait_ms, &answer);
    if (status == 0) {
        if (answer.ok) {
            status = print (args, &answer);
            int written = output_flush ();
            status = status ? status : written;
        } else {
            status = zrb_complain (ZRB_BAD, "%s answers: %s%s%s", session_endpoint (*session_p), answer.fault,
                hint ? "; " : "", hint ? hint : "");
        }
        answer_clear (&answer);
    }
    session_destroy (session_p);
    return status;
}

bool answer_lists (answer_t *self, const char *key)
{
    cursor_t value;
    uint32_t count;
    return answer_value (self, key, &value) && cursor_array (&value, &count) && count > 0;
}

uint32_t answer_messages (answer_t *self, cursor_t *at)
{
    uint32_t count;
    return answer_value (self, "messages", at) && cursor_array (at, &count) ? count : 0;
}

bool given_read (given_t *self, cursor_t *at)
{
    uint32_t items;
    span_t raw;
    cursor_t inside = *at;
    cursor_skip (at);
    if (cursor_array (&inside, &items) && items >= 2 && cursor_bytes (&inside, &self->channel) &&
        cursor_raw (&inside, &raw) && envelope_decode (&self->envelope, raw.data, raw.size)) {
        self->more = inside;
        self->more_count = items - 2;
        return true;
    }
    zrb_complain (0, "the bridge gave what is no message");
    return false;
}

void given_cell (const given_t *self, table_t *table)
{
    span_t payload = self->envelope.payload;
    char *text;
    size_t size;
    FILE *shown = open_memstream (&text, &size);
    assert (shown);
    print_shown (shown, span_of (payload.data, payload.size < PAYLOAD_SHOWN ? payload.size : PAYLOAD_SHOWN));
    fclose (shown);
    table_cell (table, "%s", text);
    free (text);
}

void given_print_raw (const given_t *self)
{
    fwrite (self->envelope.payload.data, 1, self->envelope.payload.size, stdout);
    putchar ('\n');
}

bool number_read (uint64_t *number, const char *text, char end)
{
    char *behind;
    errno = 0;
    *number = strtoull (text, &behind, 10);
    return text[0] >= '0' && text[0] <= '9' && *behind == end && errno == 0 && *number >= 1 &&
           *number <= UINT64_C (1) << 53;
}
