//  test_message - messages as producers send them: both forms, what headers tell, each reason of refusal.

#include "vectors.h"
#include "limit.h"
#include "message.h"

enum { FRAMES_MAX = 8, PAYLOAD_MAX = 1048576 };

static size_t s_frames (json_t *vector, span_t *frames)
{
    json_t *hex = json_object_get (vector, "frames");
    size_t count = json_array_size (hex);
    assert_in_range (count, 1, FRAMES_MAX);
    for (size_t at = 0; at < count; at++) {
        frames[at] = bytes_of_hex (json_array_get (hex, at));
    }
    return count;
}

static bool s_message_holds (json_t *vector)
{
    span_t frames[FRAMES_MAX];
    size_t count = s_frames (vector, frames);
    message_t message;
    fault_t fault = {CODE_OK, 0, 0, ""};
    int rc = message_read (&message, &fault, frames, count, vector_max_payload (vector));
    bool holds = equals_hex (message.channel, json_object_get (vector, "channel"));
    json_t *reason = json_object_get (vector, "reason");
    if (reason) {
        holds = holds && rc == -1 && strcmp (fault.message, json_string_value (reason)) == 0;
        if (!holds) {
            print_error ("%d %s\n", rc, fault.message);
        }
    } else {
        holds = holds && rc == 0 && equals_hex (message.payload, json_object_get (vector, "payload")) &&
                equals_hex (message.headers, json_object_get (vector, "headers"));
    }
    for (size_t at = 0; at < count; at++) {
        bytes_free (frames[at]);
    }
    return holds;
}

static void test_vectors (void **state)
{
    vectors_check ("ingest", s_message_holds);
}

static bool s_is_no_array (span_t prefix)
{
    message_t message;
    fault_t fault;
    return message_read (&message, &fault, &prefix, 1, PAYLOAD_MAX) == -1 && fault.code == CODE_BAD_REQUEST &&
           strncmp (fault.message, "frame: not a msgpack array", 26) == 0;
}

//  Only an empty frame is no headers; any other beginning of a map is not a map.
static bool s_is_no_map (span_t prefix)
{
    const span_t frames[3] = {{"c", 1}, {"x", 1}, prefix};
    message_t message;
    fault_t fault;
    int rc = message_read (&message, &fault, frames, 3, PAYLOAD_MAX);
    return prefix.size == 0 ? rc == 0 : rc == -1 && strcmp (fault.message, "headers: not a msgpack map") == 0;
}

static bool s_prefixes_are_refused (json_t *vector)
{
    span_t frames[FRAMES_MAX];
    size_t count = s_frames (vector, frames);
    bool valid = !json_object_get (vector, "reason");
    bool holds = true;
    if (valid && count == 1) {
        holds = each_prefix (frames[0], s_is_no_array);
    } else if (valid && count == 3) {
        holds = each_prefix (frames[2], s_is_no_map);
    }
    for (size_t at = 0; at < count; at++) {
        bytes_free (frames[at]);
    }
    return holds;
}

static void test_prefixes_of_valid_frames_are_refused (void **state)
{
    vectors_check ("ingest", s_prefixes_are_refused);
}

static void test_a_message_borrows_its_frames (void **state)
{
    const span_t frames[3] = {{"orders", 6}, {"hello", 5}, {"\x81\xa1k\x01", 4}};
    message_t message;
    fault_t fault;
    assert_int_equal (message_read (&message, &fault, frames, 3, PAYLOAD_MAX), 0);
    assert_ptr_equal (message.channel.data, frames[0].data);
    assert_ptr_equal (message.payload.data, frames[1].data);
    assert_ptr_equal (message.headers.data, frames[2].data);
}

static void test_without_headers_nothing_is_told (void **state)
{
    const span_t frames[2] = {{"orders", 6}, {"", 0}};
    message_t message;
    fault_t fault;
    memset (&message, 0xff, sizeof message);
    assert_int_equal (message_read (&message, &fault, frames, 2, 0), 0);
    assert_int_equal (message.headers.size, 0);
    assert_int_equal (message.msg_id.size, 0);
    assert_int_equal (message.delay_ms, -1);
    assert_int_equal (message.at_ms, -1);
    assert_int_equal (message.ttl_ms, -1);
    assert_false (message.front);
}

static void test_known_headers_are_told (void **state)
{
    static const char headers[] = "\x85\xa6msg_id\xc4\x02\x00\xff\xa8"
                                  "delay_ms\xcd\x03\xe8\xa6ttl_ms\xd3\x00\x1f\xff\xff\xff\xff\xff\xff"
                                  "\xa5"
                                  "front\xc3\xa1x\xc0";
    message_t message = {.channel = {"c", 1}, .payload = {"p", 1}, .headers = {headers, sizeof headers - 1}};
    fault_t fault;
    assert_int_equal (message_check (&message, &fault, PAYLOAD_MAX), 0);
    assert_true (spans_equal (message.msg_id, span_of ("\x00\xff", 2)));
    assert_int_equal (message.delay_ms, 1000);
    assert_int_equal (message.at_ms, -1);
    assert_true (message.ttl_ms == (INT64_C (1) << 53) - 1);
    assert_true (message.front);
    assert_int_equal (message.headers.size, sizeof headers - 1);
}

//  Which code each reason goes with, since vectors of ingest have the reasons alone.
static void test_each_reason_has_its_code (void **state)
{
    static const struct {
        span_t frames[3];
        size_t count;
        code_t code;
        const char *reason;
    } rows[] = {
        {{{"", 0}}, 1, CODE_BAD_REQUEST,
            "frame: not a msgpack array [channel, payload] or [channel, payload, headers]"},
        {{{"\x92\x01\xa1x", 4}}, 1, CODE_BAD_REQUEST, "channel: not a string"},
        {{{"\x92\xa1"
           "c\x01",
             4}},
            1, CODE_BAD_REQUEST, "payload: neither bin nor str"},
        {{{"", 0}, {"x", 1}}, 2, CODE_BAD_CHANNEL, "channel: empty"},
        {{{"\xff", 1}, {"x", 1}}, 2, CODE_BAD_CHANNEL, "channel: not UTF-8"},
        {{{"$heads", 6}, {"x", 1}}, 2, CODE_BAD_CHANNEL, "channel: names that begin with $ are the bridge's own"},
        {{{"c", 1}, {"12345", 5}}, 2, CODE_TOO_LARGE, "payload: larger than max_message_bytes (4)"},
        {{{"c", 1}, {"x", 1}, {"\x90", 1}}, 3, CODE_BAD_REQUEST, "headers: not a msgpack map"},
        {{{"c", 1}, {"x", 1}, {"\x81\x01\x01", 3}}, 3, CODE_BAD_REQUEST, "headers: a key is not a string"},
        {{{"c", 1}, {"x", 1},
             {"\x81\xa5"
              "front\x01",
                 8}},
            3, CODE_BAD_REQUEST, "headers.front: not a bool"},
    };
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++) {
        message_t message;
        fault_t fault;
        assert_int_equal (message_read (&message, &fault, rows[at].frames, rows[at].count, 4), -1);
        assert_string_equal (fault.message, rows[at].reason);
        assert_int_equal (fault.code, rows[at].code);
        assert_int_equal (fault.index, -1);
        assert_int_equal (fault.retry_ms, 0);
    }
}

static void test_headers_too_large_are_told_before_what_is_wrong_inside (void **state)
{
    enum { SIZE = LIMIT_HEADERS_BYTES + 1 };
    char *map = malloc (SIZE);
    //  {nil: str of the rest}
    memset (map, 'x', SIZE);
    memcpy (map, "\x81\xc0\xda", 3);
    map[3] = (char)((SIZE - 5) >> 8);
    map[4] = (char)((SIZE - 5) & 0xff);
    message_t message = {.channel = {"c", 1}, .payload = {"p", 1}, .headers = {map, SIZE}};
    fault_t fault;
    assert_int_equal (message_check (&message, &fault, PAYLOAD_MAX), -1);
    assert_int_equal (fault.code, CODE_TOO_LARGE);
    assert_string_equal (fault.message, "headers: larger than 16384 bytes");
    free (map);
}

static void test_of_several_faults_the_first_in_the_contract_is_told (void **state)
{
    static const struct {
        span_t headers;
        const char *reason;
    } rows[] = {
        //  The order in the map doesn't matter: front is told after ttl_ms, a bad key before both.
        {{"\x82\xa5"
          "front\x01\xa6ttl_ms\x00",
             16},
            "headers.ttl_ms: not an integer from 1 to 9007199254740991"},
        {{"\x83\xa5"
          "front\x01\xa6ttl_ms\x00\x01\x01",
             18},
            "headers: a key is not a string"},
        {{"\x83\xa5"
          "at_ms\x01\xa8"
          "delay_ms\x01\xa5"
          "at_ms\x02",
             25},
            "headers: both delay_ms and at_ms"},
    };
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++) {
        message_t message = {.channel = {"c", 1}, .payload = {"p", 1}, .headers = rows[at].headers};
        fault_t fault;
        assert_int_equal (message_check (&message, &fault, PAYLOAD_MAX), -1);
        assert_string_equal (fault.message, rows[at].reason);
    }
}

static void test_a_delay_of_zero_is_one_given (void **state)
{
    static const char headers[] = "\x82\xa8"
                                  "delay_ms\x00\xa5"
                                  "at_ms\x00";
    message_t message = {.channel = {"c", 1}, .payload = {"p", 1}, .headers = {headers, sizeof headers - 1}};
    fault_t fault;
    assert_int_equal (message_check (&message, &fault, PAYLOAD_MAX), -1);
    assert_string_equal (fault.message, "headers: both delay_ms and at_ms");
}

static void test_a_refused_message_keeps_what_can_be_shown (void **state)
{
    const span_t frames[3] = {{"a b", 3}, {"hello", 5}, {"\x80", 1}};
    message_t message;
    fault_t fault;
    assert_int_equal (message_read (&message, &fault, frames, 3, PAYLOAD_MAX), -1);
    assert_true (span_eq (message.channel, "a b"));
    assert_true (span_eq (message.payload, "hello"));
    assert_int_equal (message.headers.size, 0);
    const span_t array = {"\x92\xa1\xff\xa1x", 5};
    assert_int_equal (message_read (&message, &fault, &array, 1, PAYLOAD_MAX), -1);
    assert_string_equal (fault.message, "channel: not UTF-8");
    assert_int_equal (message.channel.size, 0);
    assert_true (span_eq (message.payload, "x"));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_vectors),
        cmocka_unit_test (test_prefixes_of_valid_frames_are_refused),
        cmocka_unit_test (test_a_message_borrows_its_frames),
        cmocka_unit_test (test_without_headers_nothing_is_told),
        cmocka_unit_test (test_known_headers_are_told),
        cmocka_unit_test (test_each_reason_has_its_code),
        cmocka_unit_test (test_headers_too_large_are_told_before_what_is_wrong_inside),
        cmocka_unit_test (test_of_several_faults_the_first_in_the_contract_is_told),
        cmocka_unit_test (test_a_delay_of_zero_is_one_given),
        cmocka_unit_test (test_a_refused_message_keeps_what_can_be_shown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
