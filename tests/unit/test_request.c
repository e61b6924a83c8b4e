//  test_request - requests as clients send them: arguments and defaults, each fault, and the seq in each case.

#include "vectors.h"
#include "request.h"

enum { PAYLOAD_MAX = 1048576 };

static bool s_text_is (span_t text, json_t *expected)
{
    return json_is_null (expected) ? text.size == 0 : spans_equal (text, text_of (expected));
}

//  null is "not given", which a request says in the argument's own way.
static bool s_number_is (uint64_t number, json_t *expected, uint64_t absent)
{
    return number == (json_is_null (expected) ? absent : (uint64_t)json_integer_value (expected));
}

static bool s_messages_are (const request_t *request, json_t *expected)
{
    bool equal = request->message_count == json_array_size (expected);
    for (size_t at = 0; equal && at < request->message_count; at++) {
        json_t *vector = json_array_get (expected, at);
        const message_t *message = &request->messages[at];
        equal = s_text_is (message->channel, json_object_get (vector, "channel")) &&
                equals_hex (message->payload, json_object_get (vector, "payload")) &&
                equals_hex (message->headers, json_object_get (vector, "headers"));
    }
    return equal;
}

//  {name: after}, in the order of the request's places.
static bool s_places_are (const request_t *request, json_t *expected)
{
    bool equal = request->place_count == json_object_size (expected);
    const char *name;
    json_t *after;
    size_t at = 0;
    json_object_foreach (expected, name, after)
    {
        const place_t *place = &request->places[at++];
        equal = equal && span_eq (place->name, name) && place->after == (uint64_t)json_integer_value (after);
    }
    return equal;
}

//  Of a status it is text, of a replay {since_ms, channels}.
static bool s_cursor_is (const request_t *request, json_t *expected)
{
    if (request->op == OP_STATUS) {
        return s_text_is (request->cursor, expected);
    }
    return json_is_null (expected) || (s_number_is (request->since_ms, json_object_get (expected, "since_ms"), 0) &&
                                          s_places_are (request, json_object_get (expected, "channels")));
}

static bool s_flag_is (const request_t *request, const char *key, json_t *expected)
{
    const struct {
        const char *key;
        bool flag;
    } flags[] = {
        {"all", request->all}, {"dry_run", request->dry_run}, {"force", request->force}, {"create", request->create}};
    size_t at = 0;
    while (at < sizeof flags / sizeof *flags && strcmp (key, flags[at].key) != 0) {
        at++;
    }
    return at < sizeof flags / sizeof *flags && flags[at].flag == json_is_true (expected);
}

static bool s_sources_are (const request_t *request, json_t *expected)
{
    bool equal = request->source_count == json_array_size (expected);
    for (size_t at = 0; equal && at < request->source_count; at++) {
        equal = spans_equal (request->sources[at], text_of (json_array_get (expected, at)));
    }
    return equal;
}

//  [[channel, id, lease], …]
static bool s_items_are (const request_t *request, json_t *expected)
{
    bool equal = request->item_count == json_array_size (expected);
    for (size_t at = 0; equal && at < request->item_count; at++) {
        json_t *vector = json_array_get (expected, at);
        const item_t *item = &request->items[at];
        equal = spans_equal (item->channel, text_of (json_array_get (vector, 0))) &&
                item->id == (uint64_t)json_integer_value (json_array_get (vector, 1)) &&
                item->lease == (uint64_t)json_integer_value (json_array_get (vector, 2));
    }
    return equal;
}

static bool s_ids_are (const request_t *request, json_t *expected)
{
    bool equal = request->id_count == json_array_size (expected);
    for (size_t at = 0; equal && at < request->id_count; at++) {
        equal = request->ids[at] == (uint64_t)json_integer_value (json_array_get (expected, at));
    }
    return equal;
}

//  "first", "last", an id, or {since_ms}.
static bool s_start_is (start_t start, json_t *expected)
{
    if (json_is_string (expected)) {
        return start.kind == (strcmp (json_string_value (expected), "first") ? START_LAST : START_FIRST);
    }
    json_t *since_ms = json_object_get (expected, "since_ms");
    return start.kind == (since_ms ? START_SINCE : START_ID) &&
           start.value == (uint64_t)json_integer_value (since_ms ? since_ms : expected);
}

static bool s_arg_is (const request_t *request, const char *key, json_t *expected)
{
    if (strcmp (key, "messages") == 0) {
        return s_messages_are (request, expected);
    }
    if (json_is_boolean (expected)) {
        return s_flag_is (request, key, expected);
    }
    if (strcmp (key, "cursor") == 0) {
        return s_cursor_is (request, expected);
    }
    if (strcmp (key, "ids") == 0) {
        return s_ids_are (request, expected);
    }
    if (strcmp (key, "start") == 0) {
        return s_start_is (request->start, expected);
    }
    if (strcmp (key, "items") == 0) {
        return s_items_are (request, expected);
    }
    if (strcmp (key, "ack") == 0) {
        return span_eq (text_of (expected), request->ack_none ? "none" : "explicit");
    }
    if (request->op == OP_TAKE && strcmp (key, "channels") == 0) {
        return s_sources_are (request, expected);
    }
    if (strcmp (key, "channels") == 0) {
        return json_is_null (expected) || s_places_are (request, expected);
    }
    if (strcmp (key, "request") == 0) {
        return equals_hex (request->waiting, expected);
    }
    if (strcmp (key, "end") == 0) {
        return span_eq (text_of (expected), request->tail ? "tail" : "head");
    }
    const struct {
        const char *key;
        span_t text;
    } texts[] = {{"channel", request->channel}, {"pattern", request->pattern}, {"group", request->group},
        {"consumer", request->consumer}, {"reason", request->reason}};
    for (size_t at = 0; at < sizeof texts / sizeof *texts; at++) {
        if (strcmp (key, texts[at].key) == 0) {
            return s_text_is (texts[at].text, expected);
        }
    }
    const struct {
        const char *key;
        uint64_t number;
        uint64_t absent;
    } numbers[] = {{"after", request->after, 0}, {"until", request->until, UINT64_MAX}, {"limit", request->limit, 0},
        {"max", request->limit, 0}, {"max_bytes", request->max_bytes, 0}, {"before", request->before, 0},
        {"wait_ms", request->wait_ms, 0}, {"since_ms", request->since_ms, 0}, {"before_ms", request->before_ms, 0},
        {"lease", request->lease, 0}, {"lease_ms", request->lease_ms, 0}, {"delay_ms", request->delay_ms, 0},
        {"min_elapsed_ms", request->min_elapsed_ms, 0}};
    for (size_t at = 0; at < sizeof numbers / sizeof *numbers; at++) {
        if (strcmp (key, numbers[at].key) == 0) {
            return s_number_is (numbers[at].number, expected, numbers[at].absent);
        }
    }
    return false;
}

static bool s_args_are (const request_t *request, json_t *vector)
{
    bool equal = span_eq (text_of (json_object_get (vector, "op")), op_name (request->op));
    const char *key;
    json_t *expected;
    json_object_foreach (json_object_get (vector, "args"), key, expected)
    {
        equal = equal && s_arg_is (request, key, expected);
    }
    return equal;
}

static bool s_fault_is (const fault_t *fault, json_t *vector)
{
    json_t *index = json_object_get (vector, "index");
    bool equal = strcmp (code_name (fault->code), json_string_value (json_object_get (vector, "code"))) == 0 &&
                 strcmp (fault->message, json_string_value (json_object_get (vector, "message"))) == 0 &&
                 fault->index == (index ? json_integer_value (index) : -1);
    if (!equal) {
        print_error ("%s %d: %s\n", code_name (fault->code), fault->index, fault->message);
    }
    return equal;
}

static bool s_request_holds (json_t *vector)
{
    span_t frame = bytes_of_hex (json_object_get (vector, "frame"));
    request_t request;
    fault_t fault = {CODE_OK, 0, 0, ""};
    int rc = request_decode (&request, &fault, frame, vector_max_payload (vector));
    bool holds = equals_hex (request.seq, json_object_get (vector, "seq"));
    if (json_object_get (vector, "code")) {
        holds = rc == -1 && s_fault_is (&fault, vector) && holds;
    } else {
        holds = rc == 0 && s_args_are (&request, vector) && holds;
    }
    request_clear (&request);
    bytes_free (frame);
    return holds;
}

static void test_vectors (void **state)
{
    vectors_check ("requests", s_request_holds);
}

static bool s_is_no_map (span_t prefix)
{
    request_t request;
    fault_t fault;
    int rc = request_decode (&request, &fault, prefix, PAYLOAD_MAX);
    bool holds = rc == -1 && fault.code == CODE_BAD_REQUEST &&
                 strcmp (fault.message, "request: not a msgpack map") == 0 && request.seq.size == 0;
    request_clear (&request);
    return holds;
}

static bool s_prefixes_are_refused (json_t *vector)
{
    span_t frame = bytes_of_hex (json_object_get (vector, "frame"));
    bool holds = json_object_get (vector, "code") || each_prefix (frame, s_is_no_map);
    bytes_free (frame);
    return holds;
}

static void test_prefixes_of_a_request_are_no_map (void **state)
{
    vectors_check ("requests", s_prefixes_are_refused);
}

//  Decodes a literal, which must be refused with this fault.
static void s_assert_refused (const char *data, size_t size, const char *message, span_t seq)
{
    span_t frame = bytes_copy (data, size);
    request_t request;
    fault_t fault;
    assert_int_equal (request_decode (&request, &fault, frame, PAYLOAD_MAX), -1);
    assert_string_equal (fault.message, message);
    assert_true (spans_equal (request.seq, seq));
    request_clear (&request);
    bytes_free (frame);
}

#define ASSERT_REFUSED(frame, message, seq) s_assert_refused (frame, sizeof frame - 1, message, seq)

static void test_a_fault_is_answered_with_the_seq_wherever_that_stands (void **state)
{
    ASSERT_REFUSED ("\x82\xa2op\xa3"
                    "foo\xa3seq\x05",
        "op: \"foo\" is not known", span_of ("\x05", 1));
    ASSERT_REFUSED ("\x83\x01\x02\xa2op\xa4ping\xa3seq\xa1s", "request: a key is not a string", span_of ("\xa1s", 2));
    ASSERT_REFUSED ("\x81\xa3seq\xc0", "op: missing", span_of ("\xc0", 1));
    ASSERT_REFUSED ("\x83\xa2op\xa4ping\xa1x\x01\xa3seq\x07", "request: unknown key \"x\"", span_of ("\x07", 1));
}

static void test_of_two_ops_the_first_is_taken (void **state)
{
    ASSERT_REFUSED ("\x82\xa2op\xa4ping\xa2op\x01", "request: key \"op\" given twice", span_of (NULL, 0));
}

static void test_of_two_seqs_the_first_is_echoed (void **state)
{
    ASSERT_REFUSED (
        "\x83\xa2op\xa4ping\xa3seq\x01\xa3seq\x02", "request: key \"seq\" given twice", span_of ("\x01", 1));
}

static void test_of_several_faults_the_first_in_the_contract_is_told (void **state)
{
    //  limit stands before channel in the map, after it in the table
    ASSERT_REFUSED ("\x83\xa5limit\x00\xa7"
                    "channel\x01\xa2op\xa6replay",
        "channel: not a string", span_of (NULL, 0));
    ASSERT_REFUSED ("\x83\xa3seq\x90\xa3"
                    "foo\x01\xa2op\xa4ping",
        "request: unknown key \"foo\"", span_of (NULL, 0));
}

static void test_a_cursor_too_long_is_refused (void **state)
{
    char frame[300] = "\x82\xa2op\xa6status\xa6"
                      "cursor\xd9";
    size_t head = strlen (frame);
    frame[head] = (char)200;
    memset (frame + head + 1, 'c', 201);
    request_t request;
    fault_t fault;
    assert_int_equal (request_decode (&request, &fault, span_of (frame, head + 1 + 200), PAYLOAD_MAX), 0);
    assert_int_equal (request.cursor.size, 200);
    request_clear (&request);
    frame[head] = (char)201;
    s_assert_refused (frame, head + 1 + 201, "cursor: longer than 200 bytes", span_of (NULL, 0));
}

static void test_a_publish_owns_its_messages_until_it_is_cleared (void **state)
{
    static const char frame[] = "\x83\xa2op\xa7publish\xa7"
                                "channel\xa1"
                                "c\xa7payload\xa1p";
    request_t request;
    fault_t fault;
    assert_int_equal (request_decode (&request, &fault, span_of (frame, sizeof frame - 1), PAYLOAD_MAX), 0);
    assert_int_equal (request.message_count, 1);
    assert_ptr_equal (request.messages[0].payload.data, frame + sizeof frame - 2);
    request_clear (&request);
    assert_null (request.messages);
    assert_int_equal (request.message_count, 0);
}

static void test_ops_and_codes_have_their_names_of_the_wire (void **state)
{
    static const char *const ops[] = {"publish", "replay", "flush", "peek", "status", "info", "cancel", "ping", "take",
        "ack", "nack", "touch", "bury", "release", "pending", "dead", "redrive", "group_create", "group_seek",
        "group_delete", "pause", "resume", "unknown"};
    static const char *const codes[] = {"ok", "bad_request", "unknown_op", "bad_channel", "too_large", "not_found",
        "unsafe", "denied", "busy", "unavailable", "unknown_outcome"};
    for (op_t op = 0; op <= OP_COUNT; op++) {
        assert_string_equal (op_name (op), ops[op]);
    }
    for (code_t code = CODE_OK; code <= CODE_UNKNOWN_OUTCOME; code++) {
        assert_string_equal (code_name (code), codes[code]);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_vectors),
        cmocka_unit_test (test_prefixes_of_a_request_are_no_map),
        cmocka_unit_test (test_a_fault_is_answered_with_the_seq_wherever_that_stands),
        cmocka_unit_test (test_of_two_ops_the_first_is_taken),
        cmocka_unit_test (test_of_two_seqs_the_first_is_echoed),
        cmocka_unit_test (test_of_several_faults_the_first_in_the_contract_is_told),
        cmocka_unit_test (test_a_cursor_too_long_is_refused),
        cmocka_unit_test (test_a_publish_owns_its_messages_until_it_is_cleared),
        cmocka_unit_test (test_ops_and_codes_have_their_names_of_the_wire),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
