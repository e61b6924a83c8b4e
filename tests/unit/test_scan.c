//  test_scan - msgpack from outside: what the scan accepts, and what a cursor reads.

#include "vectors.h"
#include "limit.h"
#include "scan.h"

static span_t s_literal (const char *text, size_t size)
{
    return span_of (text, size);
}

#define BYTES(text) s_literal (text, sizeof text - 1)

static bool s_scan_holds (json_t *vector)
{
    span_t bytes = bytes_of_hex (json_object_get (vector, "hex"));
    bool valid = scan_is_one_value (bytes.data, bytes.size, LIMIT_DEPTH);
    bytes_free (bytes);
    return valid == json_is_true (json_object_get (vector, "valid"));
}

static void test_vectors (void **state)
{
    vectors_check ("scan", s_scan_holds);
}

static bool s_is_cut_short (span_t prefix)
{
    return scan_value (prefix.data, prefix.size, LIMIT_DEPTH) == 0 && scan_any_depth (prefix.data, prefix.size) == 0;
}

static bool s_prefixes_are_refused (json_t *vector)
{
    span_t bytes = bytes_of_hex (json_object_get (vector, "hex"));
    bool valid = json_is_true (json_object_get (vector, "valid"));
    bool holds = !valid || each_prefix (bytes, s_is_cut_short);
    bytes_free (bytes);
    return holds;
}

static void test_every_prefix_of_a_value_is_cut_short (void **state)
{
    vectors_check ("scan", s_prefixes_are_refused);
}

static void test_only_the_first_value_is_walked (void **state)
{
    span_t two = BYTES ("\x92\x01\x02\xc1");
    assert_int_equal (scan_value (two.data, two.size, 1), 3);
    assert_int_equal (scan_any_depth (two.data, two.size), 3);
    assert_false (scan_is_one_value (two.data, two.size, 1));
}

static void test_nothing_is_no_value (void **state)
{
    assert_int_equal (scan_value (NULL, 0, LIMIT_DEPTH), 0);
    assert_int_equal (scan_any_depth (NULL, 0), 0);
    assert_false (scan_is_one_value (NULL, 0, LIMIT_DEPTH));
}

//  Writes `depth` arrays around each other and a nil inside; returns the size.
static size_t s_nest (char *to, size_t depth)
{
    memset (to, 0x91, depth);
    to[depth] = (char)0xc0;
    return depth + 1;
}

static void test_depth_counts_arrays_and_maps_around_a_scalar (void **state)
{
    char nest[64];
    for (unsigned depth = 0; depth <= SCAN_DEPTH_MAX; depth++) {
        size_t size = s_nest (nest, depth);
        assert_int_equal (scan_value (nest, size, depth), size);
        if (depth > 0) {
            assert_int_equal (scan_value (nest, size, depth - 1), 0);
        }
    }
}

static void test_any_depth_passes_where_depth_is_not_asked (void **state)
{
    enum { DEPTH = 100000 };
    char *nest = malloc (DEPTH + 1);
    size_t size = s_nest (nest, DEPTH);
    assert_int_equal (scan_any_depth (nest, size), size);
    assert_int_equal (scan_any_depth (nest, size - 1), 0);
    assert_int_equal (scan_value (nest, size, SCAN_DEPTH_MAX), 0);
    free (nest);
}

static void test_a_cursor_stays_where_it_was_on_another_type (void **state)
{
    cursor_t cursor = cursor_of (BYTES ("\xd4\x05\x61"));  //  an ext, which no reader takes
    cursor_t before = cursor;
    uint32_t count;
    uint64_t number;
    bool flag;
    span_t bytes;
    assert_false (cursor_array (&cursor, &count));
    assert_false (cursor_map (&cursor, &count));
    assert_false (cursor_str (&cursor, &bytes));
    assert_false (cursor_bin (&cursor, &bytes));
    assert_false (cursor_bytes (&cursor, &bytes));
    assert_false (cursor_uint (&cursor, &number));
    assert_false (cursor_bool (&cursor, &flag));
    assert_false (cursor_nil (&cursor));
    assert_false (cursor_scalar (&cursor, &bytes));
    assert_ptr_equal (cursor.at, before.at);
    assert_true (cursor_raw (&cursor, &bytes));
    assert_int_equal (bytes.size, 3);
    assert_false (cursor_skip (&cursor));
}

static void test_a_cursor_reads_an_array_of_each_type (void **state)
{
    cursor_t cursor = cursor_of (BYTES ("\x97\xa2hi\xc4\x01x\xc3\xc2\xc0\x81\xa1k\x91\x05\x07"));
    uint32_t count;
    uint64_t number;
    bool flag;
    span_t bytes;
    assert_true (cursor_array (&cursor, &count));
    assert_int_equal (count, 7);
    assert_true (cursor_str (&cursor, &bytes) && span_eq (bytes, "hi"));
    assert_true (cursor_bytes (&cursor, &bytes) && span_eq (bytes, "x"));
    assert_true (cursor_bool (&cursor, &flag) && flag);
    assert_true (cursor_bool (&cursor, &flag) && !flag);
    assert_true (cursor_nil (&cursor));
    cursor_t map = cursor;
    assert_true (cursor_raw (&cursor, &bytes) && bytes.size == 5);
    assert_true (cursor_map (&map, &count) && count == 1);
    assert_true (cursor_skip (&map) && cursor_skip (&map) && map.at == cursor.at);
    assert_true (cursor_uint (&cursor, &number) && number == 7);
    assert_ptr_equal (cursor.at, cursor.end);
}

static void test_integers_are_read_in_every_encoding (void **state)
{
    static const struct {
        span_t bytes;
        uint64_t number;
    } rows[] = {
        {{"\x00", 1}, 0},
        {{"\x7f", 1}, 127},
        {{"\xcc\xff", 2}, 255},
        {{"\xcd\x01\x00", 3}, 256},
        {{"\xce\xff\xff\xff\xff", 5}, UINT32_MAX},
        {{"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9}, UINT64_MAX},
        {{"\xd0\x7f", 2}, 127},
        {{"\xd1\x7f\xff", 3}, INT16_MAX},
        {{"\xd2\x7f\xff\xff\xff", 5}, INT32_MAX},
        {{"\xd3\x7f\xff\xff\xff\xff\xff\xff\xff", 9}, INT64_MAX},
        {{"\xcf\x01\x02\x03\x04\x05\x06\x07\x08", 9}, UINT64_C (0x0102030405060708)},
    };
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++) {
        cursor_t cursor = cursor_of (rows[at].bytes);
        uint64_t number = 99;
        assert_true (cursor_uint (&cursor, &number));
        assert_true (number == rows[at].number);
        assert_ptr_equal (cursor.at, cursor.end);
    }
}

static void test_what_is_below_zero_or_no_integer_is_not_read_as_one (void **state)
{
    static const span_t rows[] = {
        {"\xff", 1},
        {"\xe0", 1},
        {"\xd0\x80", 2},
        {"\xd1\xff\xff", 3},
        {"\xd2\x80\x00\x00\x00", 5},
        {"\xd3\xff\xff\xff\xff\xff\xff\xff\xff", 9},
        {"\xca\x00\x00\x00\x00", 5},
        {"\xcb\x00\x00\x00\x00\x00\x00\x00\x00", 9},
        {"\xc0", 1},
        {"\xc3", 1},
        {"\xa1\x31", 2},
    };
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++) {
        cursor_t cursor = cursor_of (rows[at]);
        uint64_t number;
        assert_false (cursor_uint (&cursor, &number));
        assert_ptr_equal (cursor.at, rows[at].data);
    }
}

static void test_an_array_of_one_more_than_the_bytes_is_refused (void **state)
{
    span_t arrays[] = {BYTES ("\x93\x01\x02"), BYTES ("\xdc\x00\x03\x01\x02"), BYTES ("\x82\x01\x02\x03")};
    for (size_t at = 0; at < sizeof arrays / sizeof *arrays; at++) {
        cursor_t cursor = cursor_of (arrays[at]);
        uint32_t count;
        assert_int_equal (scan_value (arrays[at].data, arrays[at].size, 1), 0);
        assert_false (cursor_array (&cursor, &count) || cursor_map (&cursor, &count));
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_vectors),
        cmocka_unit_test (test_every_prefix_of_a_value_is_cut_short),
        cmocka_unit_test (test_only_the_first_value_is_walked),
        cmocka_unit_test (test_nothing_is_no_value),
        cmocka_unit_test (test_depth_counts_arrays_and_maps_around_a_scalar),
        cmocka_unit_test (test_any_depth_passes_where_depth_is_not_asked),
        cmocka_unit_test (test_a_cursor_stays_where_it_was_on_another_type),
        cmocka_unit_test (test_a_cursor_reads_an_array_of_each_type),
        cmocka_unit_test (test_integers_are_read_in_every_encoding),
        cmocka_unit_test (test_what_is_below_zero_or_no_integer_is_not_read_as_one),
        cmocka_unit_test (test_an_array_of_one_more_than_the_bytes_is_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
