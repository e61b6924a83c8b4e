//  scan - walks msgpack from outside. Owns nothing, keeps no state; any thread.
//
//  It must never allocate, recurse, or believe a length or a count that the bytes left cannot hold.
//  msgpack's format: https://github.com/msgpack/msgpack/blob/master/spec.md

#include <assert.h>
#include "scan.h"

typedef enum {
    KIND_NEVER,
    KIND_NIL,
    KIND_BOOL,
    KIND_UINT,
    KIND_INT,
    KIND_FLOAT,
    KIND_STR,
    KIND_BIN,
    KIND_EXT,
    KIND_ARRAY,
    KIND_MAP
} kind_t;

//  What stands at the front of a value.
typedef struct {
    kind_t kind;
    const uint8_t *body;  //  what follows the first byte and the length
    size_t body_size;     //  0 for arrays and maps: their elements are values of their own
    uint64_t children;    //  elements of an array; keys and values of a map
} head_t;

//  The formats 0xc0 to 0xdf, those with a byte of their own.
typedef struct {
    uint8_t kind;
    uint8_t length_bytes;  //  width of the length or count behind the first byte
    uint8_t fixed;         //  bytes that always follow: a number, an ext's type
} format_t;

static const format_t s_formats[32] = {
    {KIND_NIL, 0, 0}, {KIND_NEVER, 0, 0}, {KIND_BOOL, 0, 0}, {KIND_BOOL, 0, 0},  //  c0
    {KIND_BIN, 1, 0}, {KIND_BIN, 2, 0}, {KIND_BIN, 4, 0}, {KIND_EXT, 1, 1},      //  c4
    {KIND_EXT, 2, 1}, {KIND_EXT, 4, 1}, {KIND_FLOAT, 0, 4}, {KIND_FLOAT, 0, 8},  //  c8
    {KIND_UINT, 0, 1}, {KIND_UINT, 0, 2}, {KIND_UINT, 0, 4}, {KIND_UINT, 0, 8},  //  cc
    {KIND_INT, 0, 1}, {KIND_INT, 0, 2}, {KIND_INT, 0, 4}, {KIND_INT, 0, 8},      //  d0
    {KIND_EXT, 0, 2}, {KIND_EXT, 0, 3}, {KIND_EXT, 0, 5}, {KIND_EXT, 0, 9},      //  d4
    {KIND_EXT, 0, 17}, {KIND_STR, 1, 0}, {KIND_STR, 2, 0}, {KIND_STR, 4, 0},     //  d8
    {KIND_ARRAY, 2, 0}, {KIND_ARRAY, 4, 0}, {KIND_MAP, 2, 0}, {KIND_MAP, 4, 0},  //  dc
};

static uint64_t s_big_endian (const uint8_t *data, size_t size)
{
    uint64_t value = 0;
    for (size_t at = 0; at < size; at++) {
        value = value << 8 | data[at];
    }
    return value;
}

//  Splits the formats that keep length or value in their first byte. Never 0xc0 to 0xdf.
static uint64_t s_short_format (head_t *head, uint8_t byte)
{
    if (byte < 0x80) {
        head->kind = KIND_UINT;
        return 0;
    }
    if (byte < 0x90) {
        head->kind = KIND_MAP;
        return byte & 0x0f;
    }
    if (byte < 0xa0) {
        head->kind = KIND_ARRAY;
        return byte & 0x0f;
    }
    if (byte < 0xc0) {
        head->kind = KIND_STR;
        return byte & 0x1f;
    }
    head->kind = KIND_INT;
    return 0;
}

//  Reads the head of the value at `at`. False when it is none, or claims more than `end` leaves room for.
static bool s_head (head_t *head, const uint8_t *at, const uint8_t *end)
{
    if (at == end) {
        return false;
    }
    uint8_t byte = *at++;
    uint64_t length;  //  bytes, or elements
    if (byte < 0xc0 || byte >= 0xe0) {
        length = s_short_format (head, byte);
    } else {
        const format_t *format = &s_formats[byte - 0xc0];
        if (format->kind == KIND_NEVER || (size_t)(end - at) < format->length_bytes) {
            return false;
        }
        head->kind = format->kind;
        length = s_big_endian (at, format->length_bytes) + format->fixed;
        at += format->length_bytes;
    }
    head->body = at;
    head->body_size = 0;
    head->children = 0;
    if (head->kind == KIND_ARRAY) {
        head->children = length;
    } else if (head->kind == KIND_MAP) {
        head->children = length * 2;
    } else {
        head->body_size = length;
    }
    //  Each element takes at least a byte.
    return length <= (size_t)(end - at) && head->children <= (size_t)(end - at);
}

static bool s_is_container (const head_t *head)
{
    return head->kind == KIND_ARRAY || head->kind == KIND_MAP;
}

size_t scan_value (const void *data, size_t size, unsigned max_depth)
{
    assert (max_depth <= SCAN_DEPTH_MAX);
    if (size == 0) {
        return 0;
    }
    const uint8_t *at = data;
    const uint8_t *end = at + size;
    uint64_t left[SCAN_DEPTH_MAX + 1];  //  values still to come, at each depth
    unsigned depth = 0;
    left[0] = 1;
    while (true) {
        while (left[depth] == 0) {
            if (depth == 0) {
                return (size_t)(at - (const uint8_t *)data);
            }
            depth--;
        }
        left[depth]--;
        head_t head;
        if (!s_head (&head, at, end)) {
            return 0;
        }
        at = head.body + head.body_size;
        if (s_is_container (&head)) {
            if (depth == max_depth) {
                return 0;
            }
            left[++depth] = head.children;
        }
    }
}

size_t scan_any_depth (const void *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const uint8_t *at = data;
    const uint8_t *end = at + size;
    //  Values still to come, at whatever depth; at most twice the bytes for each head read: no overflow.
    uint64_t left = 1;
    while (left > 0) {
        head_t head;
        if (!s_head (&head, at, end)) {
            return 0;
        }
        at = head.body + head.body_size;
        left += head.children;
        left--;
        if (left > (size_t)(end - at)) {
            return 0;
        }
    }
    return (size_t)(at - (const uint8_t *)data);
}

bool scan_is_one_value (const void *data, size_t size, unsigned max_depth)
{
    return size > 0 && scan_value (data, size, max_depth) == size;
}

cursor_t cursor_of (span_t bytes)
{
    const uint8_t *data = (const uint8_t *)bytes.data;
    return (cursor_t){data, bytes.size ? data + bytes.size : data};
}

bool cursor_array (cursor_t *self, uint32_t *count)
{
    head_t head;
    if (!s_head (&head, self->at, self->end) || head.kind != KIND_ARRAY) {
        return false;
    }
    *count = (uint32_t)head.children;
    self->at = head.body;
    return true;
}

bool cursor_map (cursor_t *self, uint32_t *count)
{
    head_t head;
    if (!s_head (&head, self->at, self->end) || head.kind != KIND_MAP) {
        return false;
    }
    *count = (uint32_t)(head.children / 2);
    self->at = head.body;
    return true;
}

//  Moves past the value of this head and gives its body.
static bool s_take_body (cursor_t *self, const head_t *head, span_t *body)
{
    *body = span_of (head->body, head->body_size);
    self->at = head->body + head->body_size;
    return true;
}

bool cursor_str (cursor_t *self, span_t *text)
{
    head_t head;
    if (!s_head (&head, self->at, self->end) || head.kind != KIND_STR) {
        return false;
    }
    return s_take_body (self, &head, text);
}

bool cursor_bin (cursor_t *self, span_t *bytes)
{
    head_t head;
    if (!s_head (&head, self->at, self->end) || head.kind != KIND_BIN) {
        return false;
    }
    return s_take_body (self, &head, bytes);
}

bool cursor_bytes (cursor_t *self, span_t *bytes)
{
    return cursor_str (self, bytes) || cursor_bin (self, bytes);
}

bool cursor_uint (cursor_t *self, uint64_t *value)
{
    head_t head;
    if (!s_head (&head, self->at, self->end) || (head.kind != KIND_UINT && head.kind != KIND_INT)) {
        return false;
    }
    if (head.kind == KIND_INT && (head.body_size == 0 || head.body[0] >= 0x80)) {
        return false;  //  negative
    }
    *value = head.body_size == 0 ? *self->at : s_big_endian (head.body, head.body_size);
    self->at = head.body + head.body_size;
    return true;
}

bool cursor_bool (cursor_t *self, bool *value)
{
    head_t head;
    if (!s_head (&head, self->at, self->end) || head.kind != KIND_BOOL) {
        return false;
    }
    *value = *self->at == 0xc3;
    self->at = head.body;
    return true;
}

bool cursor_nil (cursor_t *self)
{
    head_t head;
    if (!s_head (&head, self->at, self->end) || head.kind != KIND_NIL) {
        return false;
    }
    self->at = head.body;
    return true;
}

bool cursor_scalar (cursor_t *self, span_t *raw)
{
    head_t head;
    if (!s_head (&head, self->at, self->end) || s_is_container (&head) || head.kind == KIND_EXT) {
        return false;
    }
    return cursor_raw (self, raw);
}

bool cursor_raw (cursor_t *self, span_t *raw)
{
    size_t size = scan_any_depth (self->at, (size_t)(self->end - self->at));
    if (size == 0) {
        return false;
    }
    *raw = span_of (self->at, size);
    self->at += size;
    return true;
}

bool cursor_skip (cursor_t *self)
{
    span_t raw;
    return cursor_raw (self, &raw);
}
