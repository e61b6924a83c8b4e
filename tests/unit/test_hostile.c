//  test_hostile - properties that hold for any bytes: the codec never reads outside, never accepts what breaks
//  its own rules, and accepts nothing that msgpack-c reads otherwise.
//
//  Each run draws other bytes. The seed is printed; ZRB_TEST_SEED=<seed> draws the same again.

#include <string.h>
#include <time.h>
#include <unistd.h>
#include "vectors.h"
#include <msgpack.h>
#include "envelope.h"
#include "limit.h"
#include "name.h"
#include "request.h"
#include "scan.h"

enum {
    ROUNDS = 200000,
    PIECES_MAX = 2048,
    PIECE_BYTES_MAX = 2048,  //  longer vectors would only make the rounds slow
    PAYLOAD_MAX = 64
};

//  Where the bytes come from: a generator, and pieces of the vectors to damage.
typedef struct {
    uint64_t random;  //  xorshift64; never 0
    span_t pieces[PIECES_MAX];
    size_t count;
} source_t;

static uint32_t s_draw (source_t *self, uint32_t below)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return (uint32_t)((self->random >> 32) % below);
}

static void s_keep_piece (source_t *self, const json_t *hex)
{
    if (json_is_string (hex) && json_string_length (hex) <= 2 * PIECE_BYTES_MAX && self->count < PIECES_MAX) {
        self->pieces[self->count++] = bytes_of_hex (hex);
    }
}

static void s_keep_pieces (source_t *self, const char *file)
{
    static const char *const keys[] = {"hex", "frame", "envelope", "member"};
    json_t *vectors = vectors_load (file);
    size_t at;
    json_t *vector;
    json_array_foreach (vectors, at, vector)
    {
        for (size_t key = 0; key < sizeof keys / sizeof *keys; key++) {
            s_keep_piece (self, json_object_get (vector, keys[key]));
        }
        size_t frame;
        json_t *hex;
        json_array_foreach (json_object_get (vector, "frames"), frame, hex)
        {
            s_keep_piece (self, hex);
        }
    }
    json_decref (vectors);
}

static int s_setup (void **state)
{
    static const char *const files[] = {"scan", "names", "ingest", "envelopes", "requests"};
    const char *seed = getenv ("ZRB_TEST_SEED");
    source_t *self = calloc (1, sizeof *self);
    self->random = seed ? strtoull (seed, NULL, 10) : (uint64_t)time (NULL) << 20 ^ (uint64_t)getpid ();
    self->random += self->random == 0;
    print_message ("ZRB_TEST_SEED=%llu\n", (unsigned long long)self->random);
    for (size_t at = 0; at < sizeof files / sizeof *files; at++) {
        s_keep_pieces (self, files[at]);
    }
    assert_in_range (self->count, 100, PIECES_MAX - 1);
    *state = self;
    return 0;
}

static int s_teardown (void **state)
{
    source_t *self = *state;
    for (size_t at = 0; at < self->count; at++) {
        bytes_free (self->pieces[at]);
    }
    free (self);
    return 0;
}

static span_t s_random_bytes (source_t *self)
{
    //  Heads of long and nested values come up more often than by chance.
    static const uint8_t heads[] = {0x81, 0x82, 0x91, 0x92, 0x93, 0x94, 0xa1, 0xa3, 0xc0, 0xc1, 0xc4, 0xc5, 0xc6, 0xc9,
        0xcf, 0xd3, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf};
    char bytes[48];
    size_t size = s_draw (self, sizeof bytes + 1);
    for (size_t at = 0; at < size; at++) {
        uint32_t byte = s_draw (self, 512);
        bytes[at] = (char)(byte < 256 ? byte : heads[byte % sizeof heads]);
    }
    return bytes_copy (bytes, size);
}

//  A piece of the vectors: whole one time in four, else with some bytes changed, cut, or made longer.
static span_t s_damaged_piece (source_t *self)
{
    char bytes[PIECE_BYTES_MAX + 16];
    span_t piece = self->pieces[s_draw (self, (uint32_t)self->count)];
    size_t size = piece.size;
    memset (bytes, (int)s_draw (self, 256), sizeof bytes);
    if (size > 0) {
        memcpy (bytes, piece.data, size);
    }
    uint32_t damage = s_draw (self, 4);
    for (uint32_t changes = damage ? s_draw (self, 4) : 0; changes > 0 && size > 0; changes--) {
        bytes[s_draw (self, (uint32_t)size)] = (char)s_draw (self, 256);
    }
    if (damage == 2) {
        size = s_draw (self, (uint32_t)size + 1);
    } else if (damage == 3) {
        size += s_draw (self, 16);
    }
    return bytes_copy (bytes, size);
}

static span_t s_hostile (source_t *self)
{
    return s_draw (self, 4) == 0 ? s_random_bytes (self) : s_damaged_piece (self);
}

static bool s_is_inside (span_t part, span_t whole)
{
    return part.size == 0 || (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

//  Reads all values one after the other, entering each array and map.
static void s_walk (span_t bytes)
{
    cursor_t cursor = cursor_of (bytes);
    uint32_t count;
    while (cursor.at < cursor.end) {
        if (!cursor_array (&cursor, &count) && !cursor_map (&cursor, &count)) {
            span_t value;
            assert_true (cursor_raw (&cursor, &value));
            assert_true (value.size > 0 && s_is_inside (value, bytes));
        }
    }
    assert_ptr_equal (cursor.at, cursor.end);
}

static void s_assert_msgpack_reads_as_much (span_t bytes, size_t expected)
{
    msgpack_unpacked unpacked;
    size_t taken = 0;
    msgpack_unpacked_init (&unpacked);
    assert_int_equal (msgpack_unpack_next (&unpacked, bytes.data, bytes.size, &taken), MSGPACK_UNPACK_SUCCESS);
    assert_int_equal (taken, expected);
    msgpack_unpacked_destroy (&unpacked);
}

static void test_what_the_scan_accepts_can_be_read (void **state)
{
    size_t accepted = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        span_t bytes = s_hostile (*state);
        size_t taken = scan_value (bytes.data, bytes.size, LIMIT_DEPTH);
        size_t any = scan_any_depth (bytes.data, bytes.size);
        assert_true (any <= bytes.size);
        if (taken > 0) {
            assert_int_equal (any, taken);
            s_assert_msgpack_reads_as_much (bytes, taken);
            accepted++;
        }
        if (any > 0) {
            s_walk (span_of (bytes.data, any));
        }
        bytes_free (bytes);
    }
    assert_in_range (accepted, ROUNDS / 10, ROUNDS - ROUNDS / 100);
}

//  Packs a random value with msgpack-c. Returns its depth.
static unsigned s_pack (source_t *self, msgpack_packer *packer, unsigned room)
{
    uint32_t kind = s_draw (self, room > 0 ? 12 : 9);
    uint32_t size = s_draw (self, kind < 9 ? 300 : 4);
    if (kind >= 9) {
        bool is_map = kind == 9;
        unsigned deepest = 0;
        is_map ? msgpack_pack_map (packer, size) : msgpack_pack_array (packer, size);
        for (uint32_t at = 0; at < (is_map ? 2 * size : size); at++) {
            unsigned depth = s_pack (self, packer, room - 1);
            deepest = depth > deepest ? depth : deepest;
        }
        return deepest + 1;
    }
    char body[300];
    memset (body, 'x', sizeof body);
    switch (kind) {
    case 0:
        msgpack_pack_nil (packer);
        break;
    case 1:
        msgpack_pack_true (packer);
        break;
    case 2:
        msgpack_pack_uint64 (packer, (uint64_t)s_draw (self, UINT32_MAX) << s_draw (self, 33));
        break;
    case 3:
        msgpack_pack_int64 (packer, -((int64_t)s_draw (self, UINT32_MAX) << s_draw (self, 31)));
        break;
    case 4:
        msgpack_pack_float (packer, (float)size);
        break;
    case 5:
        msgpack_pack_double (packer, size);
        break;
    case 6:
        msgpack_pack_str_with_body (packer, body, size);
        break;
    case 7:
        msgpack_pack_bin_with_body (packer, body, size);
        break;
    default:
        msgpack_pack_ext (packer, size, 5);
        msgpack_pack_ext_body (packer, body, size);
    }
    return 0;
}

static void test_what_msgpack_writes_is_accepted (void **state)
{
    for (size_t round = 0; round < ROUNDS / 10; round++) {
        msgpack_sbuffer buffer;
        msgpack_packer packer;
        msgpack_sbuffer_init (&buffer);
        msgpack_packer_init (&packer, &buffer, msgpack_sbuffer_write);
        unsigned around = s_draw (*state, 16);
        for (unsigned at = 0; at < around; at++) {
            msgpack_pack_array (&packer, 1);
        }
        unsigned depth = around + s_pack (*state, &packer, 6);
        span_t bytes = bytes_copy (buffer.data, buffer.size);
        assert_int_equal (scan_any_depth (bytes.data, bytes.size), bytes.size);
        assert_int_equal (scan_value (bytes.data, bytes.size, LIMIT_DEPTH), depth <= LIMIT_DEPTH ? bytes.size : 0);
        s_walk (bytes);
        bytes_free (bytes);
        msgpack_sbuffer_destroy (&buffer);
    }
}

//  What must hold for a message that was accepted: its own rules, and that it comes back from its envelope.
static void s_assert_message_is_sound (const message_t *message)
{
    assert_true (name_is_valid (message->channel) && !name_is_reserved (message->channel));
    assert_true (message->payload.size <= PAYLOAD_MAX);
    assert_true (message->headers.size <= LIMIT_HEADERS_BYTES && message->msg_id.size <= LIMIT_MSG_ID_BYTES);
    assert_true (message->delay_ms >= -1 && message->at_ms >= -1 && message->ttl_ms != 0 && message->ttl_ms >= -1);
    assert_false (message->delay_ms >= 0 && message->at_ms >= 0);
    size_t size = envelope_size (message);
    uint8_t *bytes = malloc (size);
    envelope_t envelope;
    assert_int_equal (envelope_encode (bytes, message), size);
    assert_int_equal (envelope_decode (&envelope, bytes, size), size);
    assert_true (spans_equal (envelope.headers, message->headers));
    assert_true (spans_equal (envelope.payload, message->payload));
    free (bytes);
}

static void s_assert_fault_is_told (const fault_t *fault)
{
    assert_in_range (fault->code, CODE_BAD_REQUEST, CODE_UNKNOWN_OUTCOME);
    assert_in_range (strlen (fault->message), 1, sizeof fault->message - 2);
    assert_null (strchr (fault->message, '\n'));
}

static void test_messages_of_any_bytes_are_sound_or_refused (void **state)
{
    size_t accepted = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        span_t frames[4];
        size_t count = 1 + s_draw (*state, s_draw (*state, 16) ? 3 : 4);
        for (size_t at = 0; at < count; at++) {
            frames[at] = count > 1 && at == 0 && s_draw (*state, 2) ? bytes_copy ("orders", 6) : s_hostile (*state);
        }
        message_t message;
        fault_t fault;
        if (message_read (&message, &fault, frames, count, PAYLOAD_MAX) == 0) {
            s_assert_message_is_sound (&message);
            accepted++;
        } else {
            s_assert_fault_is_told (&fault);
            assert_true (message.channel.size == 0 || name_is_text (message.channel));
            assert_true (s_is_inside (message.channel, frames[0]));
            assert_true (s_is_inside (message.payload, frames[count > 1]));
        }
        for (size_t at = 0; at < count; at++) {
            bytes_free (frames[at]);
        }
    }
    assert_in_range (accepted, ROUNDS / 50, ROUNDS - ROUNDS / 50);
}

static void test_requests_of_any_bytes_are_sound_or_refused (void **state)
{
    size_t accepted = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        span_t frame = s_hostile (*state);
        request_t request;
        fault_t fault;
        if (request_decode (&request, &fault, frame, PAYLOAD_MAX) == 0) {
            assert_in_range (request.op, 0, OP_COUNT - 1);
            for (size_t at = 0; at < request.message_count; at++) {
                s_assert_message_is_sound (&request.messages[at]);
            }
            accepted++;
        } else {
            s_assert_fault_is_told (&fault);
        }
        assert_true (request.seq.size <= LIMIT_SEQ_BYTES && s_is_inside (request.seq, frame));
        assert_true (request.seq.size == 0 || scan_is_one_value (request.seq.data, request.seq.size, 0));
        request_clear (&request);
        bytes_free (frame);
    }
    assert_in_range (accepted, ROUNDS / 200, ROUNDS - ROUNDS / 50);
}

static void test_envelopes_of_any_bytes_lie_inside_or_are_none (void **state)
{
    size_t accepted = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        span_t bytes = s_hostile (*state);
        envelope_t envelope;
        size_t taken = envelope_decode (&envelope, bytes.data, bytes.size);
        assert_true (taken <= bytes.size);
        if (taken > 0) {
            assert_true (s_is_inside (envelope.headers, bytes) && s_is_inside (envelope.payload, bytes));
            assert_int_equal (scan_any_depth (bytes.data, bytes.size), taken);
            accepted++;
        }
        bytes_free (bytes);
    }
    assert_in_range (accepted, ROUNDS / 200, ROUNDS - ROUNDS / 50);
}

static void test_any_bytes_can_be_shown_and_matched (void **state)
{
    for (size_t round = 0; round < ROUNDS; round++) {
        span_t name = s_hostile (*state);
        span_t glob = s_hostile (*state);
        char shown[NAME_SHOWN_SIZE];
        name_shown (shown, name);
        assert_true (strlen (shown) < NAME_SHOWN_SIZE);
        assert_true (shown[0] == 0 || name_is_text (span_of (shown, strlen (shown))));
        glob_matches (glob, name);
        assert_true (glob_matches (span_of ("*", 1), name) == !name_is_reserved (name));
        bytes_free (name);
        bytes_free (glob);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_what_the_scan_accepts_can_be_read),
        cmocka_unit_test (test_what_msgpack_writes_is_accepted),
        cmocka_unit_test (test_messages_of_any_bytes_are_sound_or_refused),
        cmocka_unit_test (test_requests_of_any_bytes_are_sound_or_refused),
        cmocka_unit_test (test_envelopes_of_any_bytes_lie_inside_or_are_none),
        cmocka_unit_test (test_any_bytes_can_be_shown_and_matched),
    };
    return cmocka_run_group_tests (tests, s_setup, s_teardown);
}
