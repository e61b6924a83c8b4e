//  vectors - reads proto/vectors/*.json for the unit tests: JSON arrays of objects, bytes in hex.
//
//  Bytes are copied into allocations of their exact size, so that AddressSanitizer sees a read outside.
//  Single-threaded, like the tests that include it.

#ifndef VECTORS_H_INCLUDED
#define VECTORS_H_INCLUDED

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <jansson.h>
#include "span.h"

//  Loads a file of vectors. The test fails when it is missing or empty. The caller decrefs it.
static inline json_t *vectors_load (const char *file)
{
    char path[4096];
    json_error_t error;
    snprintf (path, sizeof path, SOURCE_DIR "/proto/vectors/%s.json", file);
    json_t *vectors = json_load_file (path, JSON_ALLOW_NUL, &error);
    if (!vectors) {
        fail_msg ("%s:%d: %s", path, error.line, error.text);
    }
    if (json_array_size (vectors) == 0) {
        fail_msg ("%s: no vectors", path);
    }
    return vectors;
}

//  Tells if a vector holds, and prints what differs.
typedef bool vector_check_fn (json_t *vector);

//  Checks each vector of a file, also after one that fails.
static inline void vectors_check (const char *file, vector_check_fn *check)
{
    json_t *vectors = vectors_load (file);
    size_t failed = 0;
    size_t at;
    json_t *vector;
    json_array_foreach (vectors, at, vector)
    {
        if (!check (vector)) {
            char *text = json_dumps (vector, JSON_COMPACT);
            print_error ("%s.json, vector %zu does not hold: %.300s\n", file, at, text);
            free (text);
            failed++;
        }
    }
    print_message ("%s.json: %zu vectors\n", file, json_array_size (vectors));
    json_decref (vectors);
    assert_int_equal (failed, 0);
}

//  A copy of exactly these bytes; bytes_free it.
static inline span_t bytes_copy (const void *data, size_t size)
{
    char *copy = malloc (size);
    assert_true (copy || size == 0);
    if (size > 0) {
        memcpy (copy, data, size);
    }
    return span_of (copy, size);
}

static inline void bytes_free (span_t bytes)
{
    free ((void *)bytes.data);
}

static inline unsigned hex_digit (char digit)
{
    const char *digits = "0123456789abcdef";
    const char *at = digit ? strchr (digits, digit) : NULL;
    assert_non_null (at);
    return (unsigned)(at - digits);
}

//  The bytes of a hex string; none for JSON's null. bytes_free them.
static inline span_t bytes_of_hex (const json_t *hex)
{
    if (json_is_null (hex)) {
        return bytes_copy (NULL, 0);
    }
    assert_true (json_is_string (hex));
    const char *digits = json_string_value (hex);
    size_t size = json_string_length (hex);
    assert_int_equal (size % 2, 0);
    char *data = malloc (size / 2);
    for (size_t at = 0; at < size / 2; at++) {
        data[at] = (char)(hex_digit (digits[2 * at]) << 4 | hex_digit (digits[2 * at + 1]));
    }
    return span_of (data, size / 2);
}

//  The text of a JSON string; borrowed.
static inline span_t text_of (const json_t *string)
{
    assert_true (json_is_string (string));
    return span_of (json_string_value (string), json_string_length (string));
}

static inline bool spans_equal (span_t one, span_t other)
{
    return one.size == other.size && (one.size == 0 || memcmp (one.data, other.data, one.size) == 0);
}

//  Tells if bytes are those of a hex string, none for null.
static inline bool equals_hex (span_t bytes, const json_t *hex)
{
    span_t expected = bytes_of_hex (hex);
    bool equal = spans_equal (bytes, expected);
    bytes_free (expected);
    return equal;
}

//  The limit that a vector holds for.
static inline size_t vector_max_payload (const json_t *vector)
{
    const json_t *max = json_object_get (vector, "max_message_bytes");
    return max ? (size_t)json_integer_value (max) : 1048576;
}

//  Calls `check` with copies of prefixes of the bytes: every one of a short value, the first and last
//  hundreds and samples of the middle of a long one. The whole is not among them.
static inline bool each_prefix (span_t bytes, bool (*check) (span_t prefix))
{
    enum { DENSE = 200 };
    bool all = true;
    size_t step = bytes.size / DENSE + 1;
    for (size_t size = 0; size < bytes.size; size++) {
        bool dense = size < DENSE || size + DENSE > bytes.size;
        if (dense || size % step == 0) {
            span_t prefix = bytes_copy (bytes.data, size);
            all = check (prefix) && all;
            bytes_free (prefix);
        }
    }
    return all;
}

#endif
