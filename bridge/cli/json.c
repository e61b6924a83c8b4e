//  json - msgpack as JSON; the rules stand in output.h. The values were scanned before.

#include <assert.h>
#include <math.h>
#include <msgpack.h>
#include <stdlib.h>
#include "name.h"
#include "output.h"

static void s_base64 (FILE *to, span_t bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    fputc ('"', to);
    for (size_t at = 0; at < bytes.size; at += 3) {
        size_t left = bytes.size - at;
        uint32_t three = (uint32_t)(uint8_t)bytes.data[at] << 16;
        three |= left > 1 ? (uint32_t)(uint8_t)bytes.data[at + 1] << 8 : 0;
        three |= left > 2 ? (uint32_t)(uint8_t)bytes.data[at + 2] : 0;
        fputc (digits[three >> 18], to);
        fputc (digits[three >> 12 & 63], to);
        fputc (left > 1 ? digits[three >> 6 & 63] : '=', to);
        fputc (left > 2 ? digits[three & 63] : '=', to);
    }
    fputc ('"', to);
}

static void s_characters (FILE *to, span_t text)
{
    for (size_t at = 0; at < text.size; at++) {
        unsigned char byte = (unsigned char)text.data[at];
        if (byte == '"' || byte == '\\') {
            fprintf (to, "\\%c", byte);
        } else if (byte == '\n') {
            fputs ("\\n", to);
        } else if (byte < 0x20 || byte == 0x7f) {
            fprintf (to, "\\u%04x", byte);
        } else {
            fputc (byte, to);
        }
    }
}

static void s_string (FILE *to, span_t text)
{
    fputc ('"', to);
    s_characters (to, text);
    fputc ('"', to);
}

void json_text (FILE *to, span_t text)
{
    if (text_is_utf8 (text)) {
        s_string (to, text);
    } else {
        fputs ("{\"base64\": ", to);
        s_base64 (to, text);
        fputc ('}', to);
    }
}

static void s_pair (FILE *to, span_t key, span_t text)
{
    if (text_is_utf8 (text)) {
        s_string (to, key);
        fputs (": ", to);
        s_string (to, text);
    } else {
        fputc ('"', to);
        s_characters (to, key);
        fputs ("_base64\": ", to);
        s_base64 (to, text);
    }
}

void json_pair (FILE *to, const char *key, span_t text)
{
    s_pair (to, span_text (key), text);
}

//  What is neither str, bin, array nor map.
static void s_scalar (FILE *to, cursor_t *value)
{
    span_t raw;
    msgpack_object object;
    msgpack_zone zone;
    bool is_there = cursor_raw (value, &raw);
    assert (is_there);
    (void)is_there;
    msgpack_zone_init (&zone, 64);
    msgpack_unpack (raw.data, raw.size, NULL, &zone, &object);
    switch (object.type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        fprintf (to, "%" PRIu64, object.via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        fprintf (to, "%" PRId64, object.via.i64);
        break;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        fprintf (to, isfinite (object.via.f64) ? "%.17g" : "null", object.via.f64);
        break;
    case MSGPACK_OBJECT_BOOLEAN:
        fputs (object.via.boolean ? "true" : "false", to);
        break;
    case MSGPACK_OBJECT_EXT:
        fputs ("{\"base64\": ", to);
        s_base64 (to, span_of (object.via.ext.ptr, object.via.ext.size));
        fputc ('}', to);
        break;
    default:
        fputs ("null", to);
    }
    msgpack_zone_destroy (&zone);
}

//  JSON's keys are strings: another key stands as its JSON in one.
static void s_key_of_any (FILE *to, cursor_t *key)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream (&text, &size);
    json_value (memory, key);
    fclose (memory);
    s_string (to, span_of (text, size));
    free (text);
}

static void s_map (FILE *to, cursor_t *value, uint32_t count)
{
    fputc ('{', to);
    for (uint32_t at = 0; at < count; at++) {
        span_t key, text;
        fputs (at ? ", " : "", to);
        cursor_t behind = *value;
        if (!cursor_str (&behind, &key) || !text_is_utf8 (key)) {
            s_key_of_any (to, value);
        } else {
            *value = behind;
            if (cursor_bytes (value, &text)) {
                s_pair (to, key, text);
                continue;
            }
            s_string (to, key);
        }
        fputs (": ", to);
        json_value (to, value);
    }
    fputc ('}', to);
}

void json_value (FILE *to, cursor_t *value)
{
    uint32_t count;
    span_t text;
    if (cursor_bytes (value, &text)) {
        json_text (to, text);
    } else if (cursor_map (value, &count)) {
        s_map (to, value, count);
    } else if (cursor_array (value, &count)) {
        fputc ('[', to);
        for (uint32_t at = 0; at < count; at++) {
            fputs (at ? ", " : "", to);
            json_value (to, value);
        }
        fputc (']', to);
    } else {
        s_scalar (to, value);
    }
}

void json_message (FILE *to, span_t channel, const envelope_t *envelope)
{
    fputs ("{\"channel\": ", to);
    json_text (to, channel);
    fprintf (to, ", \"id\": %" PRIu64 ", \"time_ms\": %" PRIu64 ", \"headers\": ", envelope->id, envelope->time_ms);
    if (envelope->headers.size) {
        cursor_t headers = cursor_of (envelope->headers);
        json_value (to, &headers);
    } else {
        fputs ("{}", to);
    }
    fputs (", ", to);
    json_pair (to, "payload", envelope->payload);
}

void json_answer (FILE *to, answer_t *answer)
{
    cursor_t map = cursor_of (span_of (zmq_msg_data (&answer->frame), zmq_msg_size (&answer->frame)));
    uint32_t count;
    span_t key, text;
    const char *comma = "";
    cursor_map (&map, &count);
    fputc ('{', to);
    for (; count > 0 && cursor_str (&map, &key); count--) {
        if (span_eq (key, "seq") || span_eq (key, "ok")) {
            cursor_skip (&map);
            continue;
        }
        fputs (comma, to);
        comma = ", ";
        if (cursor_bytes (&map, &text)) {
            s_pair (to, key, text);
        } else {
            s_string (to, key);
            fputs (": ", to);
            json_value (to, &map);
        }
    }
    fputs ("}\n", to);
}
