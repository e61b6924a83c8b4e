//  test_envelope - stored messages byte for byte: encoding, stamping, decoding one and several.

#include "vectors.h"
#include "envelope.h"

static uint64_t s_number (json_t *vector, const char *key)
{
    return strtoull (json_string_value (json_object_get (vector, key)), NULL, 10);
}

//  Tells if a decoded envelope is what the vector says.
static bool s_is (const envelope_t *envelope, json_t *vector)
{
    return envelope->id == s_number (vector, "id") && envelope->time_ms == s_number (vector, "time_ms") &&
           equals_hex (envelope->headers, json_object_get (vector, "headers")) &&
           equals_hex (envelope->payload, json_object_get (vector, "payload"));
}

static bool s_encoding_holds (json_t *vector)
{
    span_t headers = bytes_of_hex (json_object_get (vector, "headers"));
    span_t payload = bytes_of_hex (json_object_get (vector, "payload"));
    message_t message = {.channel = {"c", 1}, .payload = payload, .headers = headers};
    size_t size = envelope_size (&message);
    uint8_t *bytes = malloc (size);
    bool holds = envelope_encode (bytes, &message) == size;
    envelope_stamp (bytes, s_number (vector, "id"), s_number (vector, "time_ms"));
    holds = holds && equals_hex (span_of (bytes, size), json_object_get (vector, "envelope"));
    holds = holds && envelope_id (bytes) == s_number (vector, "id");
    holds = holds && envelope_time_ms (bytes) == s_number (vector, "time_ms");
    envelope_t envelope;
    holds = holds && envelope_decode (&envelope, bytes, size) == size && s_is (&envelope, vector);
    free (bytes);
    bytes_free (headers);
    bytes_free (payload);
    return holds;
}

//  Decodes a whole member. Returns how many envelopes it holds, 0 when it is none; the first `max` are kept.
static size_t s_decode_member (span_t member, envelope_t *envelopes, size_t max)
{
    size_t count = 0;
    for (size_t at = 0; at < member.size;) {
        envelope_t envelope;
        size_t taken = envelope_decode (&envelope, member.data + at, member.size - at);
        if (taken == 0) {
            return 0;
        }
        if (count < max) {
            envelopes[count] = envelope;
        }
        count++;
        at += taken;
    }
    return count;
}

static bool s_member_holds (json_t *vector)
{
    envelope_t envelopes[64];
    json_t *expected = json_object_get (vector, "envelopes");
    span_t member = bytes_of_hex (json_object_get (vector, "member"));
    size_t count = s_decode_member (member, envelopes, 64);
    bool holds = count == json_array_size (expected) && count <= 64;
    for (size_t at = 0; holds && at < count; at++) {
        holds = s_is (&envelopes[at], json_array_get (expected, at));
    }
    bytes_free (member);
    return holds;
}

static bool s_invalid_holds (json_t *vector)
{
    span_t member = bytes_of_hex (json_object_get (vector, "member"));
    bool holds = json_is_false (json_object_get (vector, "valid")) && s_decode_member (member, NULL, 0) == 0;
    bytes_free (member);
    return holds;
}

static bool s_envelope_holds (json_t *vector)
{
    if (json_object_get (vector, "envelope")) {
        return s_encoding_holds (vector);
    }
    return json_object_get (vector, "envelopes") ? s_member_holds (vector) : s_invalid_holds (vector);
}

static void test_vectors (void **state)
{
    vectors_check ("envelopes", s_envelope_holds);
}

static bool s_is_no_envelope (span_t prefix)
{
    envelope_t envelope;
    return envelope_decode (&envelope, prefix.data, prefix.size) == 0;
}

static bool s_prefixes_are_refused (json_t *vector)
{
    json_t *hex = json_object_get (vector, "envelope");
    span_t envelope = bytes_of_hex (hex ? hex : json_null ());
    bool holds = each_prefix (envelope, s_is_no_envelope);
    bytes_free (envelope);
    return holds;
}

static void test_prefixes_of_an_envelope_are_none (void **state)
{
    vectors_check ("envelopes", s_prefixes_are_refused);
}

static void test_an_envelope_is_encoded_with_id_and_time_zero (void **state)
{
    message_t message = {.channel = {"c", 1}, .payload = {NULL, 0}, .headers = {NULL, 0}};
    static const uint8_t expected[] = {0x94, 0xcf, 0, 0, 0, 0, 0, 0, 0, 0, 0xcf, 0, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0xc4, 0};
    uint8_t *bytes = malloc (sizeof expected);
    assert_int_equal (envelope_size (&message), sizeof expected);
    assert_int_equal (envelope_encode (bytes, &message), sizeof expected);
    assert_memory_equal (bytes, expected, sizeof expected);
    free (bytes);
}

static void test_a_stamp_changes_id_and_time_alone (void **state)
{
    message_t message = {.channel = {"c", 1}, .payload = {"hello", 5}, .headers = {"\x81\xa1k\x01", 4}};
    uint8_t before[64];
    uint8_t after[64];
    size_t size = envelope_encode (before, &message);
    memcpy (after, before, size);
    envelope_stamp (after, UINT64_MAX, UINT64_MAX);
    for (size_t at = 0; at < size; at++) {
        bool number =
            (at >= ENVELOPE_ID_AT && at < ENVELOPE_ID_AT + 8) || (at >= ENVELOPE_TIME_AT && at < ENVELOPE_TIME_AT + 8);
        assert_int_equal (after[at], number ? 0xff : before[at]);
    }
    assert_true (envelope_id (after) == UINT64_MAX);
}

static void test_a_decoded_envelope_borrows_the_bytes (void **state)
{
    message_t message = {.channel = {"c", 1}, .payload = {"hello", 5}, .headers = {"\x81\xa1k\x01", 4}};
    uint8_t bytes[64];
    size_t size = envelope_encode (bytes, &message);
    envelope_t envelope;
    assert_int_equal (envelope_decode (&envelope, bytes, sizeof bytes), size);
    assert_ptr_equal (envelope.headers.data, bytes + ENVELOPE_HEADERS_AT);
    assert_ptr_equal (envelope.payload.data, bytes + size - 5);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_vectors),
        cmocka_unit_test (test_prefixes_of_an_envelope_are_none),
        cmocka_unit_test (test_an_envelope_is_encoded_with_id_and_time_zero),
        cmocka_unit_test (test_a_stamp_changes_id_and_time_alone),
        cmocka_unit_test (test_a_decoded_envelope_borrows_the_bytes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
