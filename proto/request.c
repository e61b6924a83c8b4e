//  request - decodes and checks one request. Owns the lists that an op's arguments are read into, borrows all else; any
//  thread. What takes more than a row of the table to read stands in parse_*.c.
//
//  It must never touch a frame that the scan has not accepted, nor allocate before the count is checked.
//  It reads by cursor: seq and headers are passed on as the client's own bytes, which a msgpack-c tree has not.

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include "name.h"
#include "parse.h"

enum {
    LEASE_MS = 30000,  //  when not given
    RETRY_MS = 1000    //  when memory is short
};

typedef enum {
    ARG_FRONT,    //  op and seq, read before all others
    ARG_VALUE,    //  left to the op's own check
    ARG_NAME,     //  a channel to read, a group, a consumer
    ARG_CHANNEL,  //  a channel to write
    ARG_GLOB,
    ARG_SOURCES,
    ARG_GROUP,  //  a group's name, "default" when not given
    ARG_TEXT,
    ARG_WORDS,  //  as ARG_TEXT, and UTF-8
    ARG_CHANNELS,
    ARG_CURSOR,
    ARG_CHOICE,  //  a bool that is one of two words
    ARG_BOOL,
    ARG_SCALAR,  //  as encoded
    ARG_UINT
} arg_type_t;

//  A row per op and argument. OP_COUNT stands for every op.
typedef struct {
    op_t op;
    const char *key;
    arg_type_t type;
    size_t field;  //  its offset in request_t
    bool required;
    uint64_t preset;  //  of an ARG_UINT or ARG_BOOL that is not given; the others' is zero
    uint64_t min;
    uint64_t max;  //  of ARG_TEXT: bytes
} arg_t;

#define FIELD(name) offsetof (request_t, name)

//  What ack, nack, touch and bury share; `items` is left to parse_settle.
#define SETTLE(op)                                                                                                     \
    {op, "channel", ARG_NAME, FIELD (channel), false, 0, 0, 0},                                                        \
        {op, "group", ARG_GROUP, FIELD (group), false, 0, 0, 0}, {op, "items", ARG_VALUE, 0, false, 0, 0, 0},          \
    {                                                                                                                  \
        op, "lease", ARG_UINT, FIELD (lease), false, 0, 1, PARSE_ID_MAX                                                \
    }

static const arg_t s_args[] = {
    {OP_COUNT, "op", ARG_FRONT, 0, false, 0, 0, 0},
    {OP_COUNT, "seq", ARG_FRONT, 0, false, 0, 0, 0},
    {OP_PUBLISH, "channel", ARG_VALUE, 0, false, 0, 0, 0},
    {OP_PUBLISH, "payload", ARG_VALUE, 0, false, 0, 0, 0},
    {OP_PUBLISH, "headers", ARG_VALUE, 0, false, 0, 0, 0},
    {OP_PUBLISH, "messages", ARG_VALUE, 0, false, 0, 0, 0},
    {OP_REPLAY, "channel", ARG_NAME, FIELD (channel), false, 0, 0, 0},
    {OP_REPLAY, "channels", ARG_CHANNELS, 0, false, 0, 0, 0},
    {OP_REPLAY, "pattern", ARG_GLOB, FIELD (pattern), false, 0, 0, 0},
    {OP_REPLAY, "since_ms", ARG_UINT, FIELD (since_ms), false, 0, 0, PARSE_ID_MAX},
    {OP_REPLAY, "cursor", ARG_CURSOR, 0, false, 0, 0, 0},
    {OP_REPLAY, "after", ARG_UINT, FIELD (after), false, 0, 0, PARSE_ID_MAX},
    {OP_REPLAY, "until", ARG_UINT, FIELD (until), false, UINT64_MAX, 1, PARSE_ID_MAX},
    {OP_REPLAY, "limit", ARG_UINT, FIELD (limit), false, 1000, 1, LIMIT_REPLAY_MESSAGES},
    {OP_REPLAY, "max_bytes", ARG_UINT, FIELD (max_bytes), false, 0, 1, PARSE_ID_MAX},
    {OP_REPLAY, "wait_ms", ARG_UINT, FIELD (wait_ms), false, 0, 0, LIMIT_WAIT_MS},
    {OP_FLUSH, "channel", ARG_CHANNEL, FIELD (channel), false, 0, 0, 0},
    {OP_FLUSH, "pattern", ARG_GLOB, FIELD (pattern), false, 0, 0, 0},
    {OP_FLUSH, "before", ARG_UINT, FIELD (before), false, 0, 1, PARSE_ID_MAX},
    {OP_FLUSH, "before_ms", ARG_UINT, FIELD (before_ms), false, 0, 1, PARSE_ID_MAX},
    {OP_FLUSH, "all", ARG_BOOL, FIELD (all), false, 0, 0, 0},
    {OP_FLUSH, "dry_run", ARG_BOOL, FIELD (dry_run), false, 0, 0, 0},
    {OP_FLUSH, "force", ARG_BOOL, FIELD (force), false, 0, 0, 0},
    {OP_PEEK, "channel", ARG_NAME, FIELD (channel), true, 0, 0, 0},
    {OP_PEEK, "group", ARG_NAME, FIELD (group), false, 0, 0, 0},
    {OP_PEEK, "end", ARG_CHOICE, FIELD (tail), false, 0, 0, 0},
    {OP_PEEK, "max", ARG_UINT, FIELD (limit), false, 1, 1, LIMIT_REPLAY_MESSAGES},
    {OP_PEEK, "wait_ms", ARG_UINT, FIELD (wait_ms), false, 0, 0, LIMIT_WAIT_MS},
    {OP_STATUS, "channel", ARG_NAME, FIELD (channel), false, 0, 0, 0},
    {OP_STATUS, "pattern", ARG_GLOB, FIELD (pattern), false, 0, 0, 0},
    {OP_STATUS, "cursor", ARG_TEXT, FIELD (cursor), false, 0, 0, LIMIT_NAME_BYTES},
    {OP_CANCEL, "request", ARG_SCALAR, FIELD (waiting), true, 0, 0, 0},
    {OP_PENDING, "channel", ARG_NAME, FIELD (channel), true, 0, 0, 0},
    {OP_PENDING, "group", ARG_GROUP, FIELD (group), false, 0, 0, 0},
    {OP_PENDING, "max", ARG_UINT, FIELD (limit), false, 1000, 1, LIMIT_REPLAY_MESSAGES},
    {OP_PENDING, "min_elapsed_ms", ARG_UINT, FIELD (min_elapsed_ms), false, 0, 0, PARSE_ID_MAX},
    {OP_PENDING, "consumer", ARG_NAME, FIELD (consumer), false, 0, 0, 0},
    {OP_DEAD, "channel", ARG_NAME, FIELD (channel), true, 0, 0, 0},
    {OP_DEAD, "group", ARG_GROUP, FIELD (group), false, 0, 0, 0},
    {OP_DEAD, "max", ARG_UINT, FIELD (limit), false, 1000, 1, LIMIT_REPLAY_MESSAGES},
    {OP_REDRIVE, "channel", ARG_NAME, FIELD (channel), true, 0, 0, 0},
    {OP_REDRIVE, "group", ARG_GROUP, FIELD (group), false, 0, 0, 0},
    {OP_REDRIVE, "ids", ARG_VALUE, 0, false, 0, 0, 0},
    {OP_REDRIVE, "all", ARG_BOOL, FIELD (all), false, 0, 0, 0},
    {OP_GROUP_CREATE, "channel", ARG_NAME, FIELD (channel), true, 0, 0, 0},
    {OP_GROUP_CREATE, "group", ARG_NAME, FIELD (group), true, 0, 0, 0},
    {OP_GROUP_CREATE, "start", ARG_VALUE, 0, false, 0, 0, 0},
    {OP_GROUP_SEEK, "channel", ARG_NAME, FIELD (channel), true, 0, 0, 0},
    {OP_GROUP_SEEK, "group", ARG_NAME, FIELD (group), true, 0, 0, 0},
    {OP_GROUP_SEEK, "start", ARG_VALUE, 0, true, 0, 0, 0},
    {OP_GROUP_DELETE, "channel", ARG_NAME, FIELD (channel), true, 0, 0, 0},
    {OP_GROUP_DELETE, "group", ARG_NAME, FIELD (group), true, 0, 0, 0},
    {OP_GROUP_DELETE, "force", ARG_BOOL, FIELD (force), false, 0, 0, 0},
    {OP_PAUSE, "channel", ARG_NAME, FIELD (channel), true, 0, 0, 0},
    {OP_PAUSE, "group", ARG_NAME, FIELD (group), false, 0, 0, 0},
    {OP_RESUME, "channel", ARG_NAME, FIELD (channel), true, 0, 0, 0},
    {OP_RESUME, "group", ARG_NAME, FIELD (group), false, 0, 0, 0},
    {OP_TAKE, "channels", ARG_SOURCES, 0, true, 0, 0, 0},
    {OP_TAKE, "group", ARG_GROUP, FIELD (group), false, 0, 0, 0},
    {OP_TAKE, "max", ARG_UINT, FIELD (limit), false, 1, 1, LIMIT_TAKE_MESSAGES},
    {OP_TAKE, "lease_ms", ARG_UINT, FIELD (lease_ms), false, LEASE_MS, 1, LIMIT_LEASE_MS},
    {OP_TAKE, "wait_ms", ARG_UINT, FIELD (wait_ms), false, 0, 0, LIMIT_WAIT_MS},
    {OP_TAKE, "consumer", ARG_NAME, FIELD (consumer), false, 0, 0, 0},
    {OP_TAKE, "ack", ARG_CHOICE, FIELD (ack_none), false, 0, 0, 0},
    {OP_TAKE, "create", ARG_BOOL, FIELD (create), false, true, 0, 0},
    SETTLE (OP_ACK),
    SETTLE (OP_NACK),
    {OP_NACK, "delay_ms", ARG_UINT, FIELD (delay_ms), false, 0, 0, PARSE_ID_MAX - 1},
    {OP_NACK, "reason", ARG_WORDS, FIELD (reason), false, 0, 0, LIMIT_REASON_BYTES},
    SETTLE (OP_TOUCH),
    {OP_TOUCH, "lease_ms", ARG_UINT, FIELD (lease_ms), false, LEASE_MS, 1, LIMIT_LEASE_MS},
    SETTLE (OP_BURY),
    {OP_BURY, "reason", ARG_WORDS, FIELD (reason), false, 0, 0, LIMIT_REASON_BYTES},
    {OP_RELEASE, "channel", ARG_NAME, FIELD (channel), true, 0, 0, 0},
    {OP_RELEASE, "group", ARG_GROUP, FIELD (group), false, 0, 0, 0},
    {OP_RELEASE, "consumer", ARG_NAME, FIELD (consumer), true, 0, 0, 0},
};

enum {
    ARG_ROWS = sizeof s_args / sizeof *s_args,
    FRONT_ROWS = 2,
    OP_ROWS = 14  //  at most, with those in front
};

static int s_check_flush (parse_t *self);
static int s_check_status (parse_t *self);

//  What an op still checks when each argument is fine by itself.
static const struct {
    const char *name;
    int (*check) (parse_t *self);
} s_ops[OP_COUNT] = {
    [OP_PUBLISH] = {"publish", parse_publish},
    [OP_REPLAY] = {"replay", parse_replay},
    [OP_FLUSH] = {"flush", s_check_flush},
    [OP_PEEK] = {"peek", NULL},
    [OP_STATUS] = {"status", s_check_status},
    [OP_INFO] = {"info", NULL},
    [OP_CANCEL] = {"cancel", NULL},
    [OP_PING] = {"ping", NULL},
    [OP_PENDING] = {"pending", NULL},
    [OP_DEAD] = {"dead", NULL},
    [OP_REDRIVE] = {"redrive", parse_redrive},
    [OP_GROUP_CREATE] = {"group_create", parse_start},
    [OP_GROUP_SEEK] = {"group_seek", parse_start},
    [OP_GROUP_DELETE] = {"group_delete", NULL},
    [OP_PAUSE] = {"pause", NULL},
    [OP_RESUME] = {"resume", NULL},
    [OP_TAKE] = {"take", NULL},
    [OP_ACK] = {"ack", parse_settle},
    [OP_NACK] = {"nack", parse_settle},
    [OP_TOUCH] = {"touch", parse_settle},
    [OP_BURY] = {"bury", parse_settle},
    [OP_RELEASE] = {"release", NULL},
};

const char *op_name (op_t op)
{
    return op < OP_COUNT ? s_ops[op].name : "unknown";
}

//  An op's rows stand together.
static void s_find_rows (parse_t *self)
{
    op_t op = self->request->op;
    size_t row = FRONT_ROWS;
    while (row < ARG_ROWS && s_args[row].op != op) {
        row++;
    }
    self->first_row = self->end_row = row < ARG_ROWS ? row : FRONT_ROWS;
    while (self->end_row < ARG_ROWS && s_args[self->end_row].op == op) {
        self->end_row++;
    }
    assert (self->end_row - self->first_row <= OP_ROWS - FRONT_ROWS);
}

//  Where the value of a row stands.
static span_t *s_value (const parse_t *self, size_t row)
{
    return &self->values[row < FRONT_ROWS ? row : row - self->first_row + FRONT_ROWS];
}

//  The row of an op's key, ARG_ROWS when the op has none.
static size_t s_row (const parse_t *self, span_t key)
{
    for (size_t row = 0; row < self->end_row; row++) {
        if (row == FRONT_ROWS) {
            row = self->first_row;
        }
        if (span_eq (key, s_args[row].key)) {
            return row;
        }
    }
    return ARG_ROWS;
}

span_t parse_value (const parse_t *self, const char *key)
{
    return *s_value (self, s_row (self, span_of (key, strlen (key))));
}

bool parse_is_given (const parse_t *self, const char *key)
{
    return parse_value (self, key).size > 0;
}

//  Looks through the whole map for the first op and the first seq, whatever else is wrong with it, since an
//  error is answered with the seq. Returns -1 when a key is not a string.
static int s_find_front (parse_t *self, cursor_t entries, uint32_t count, span_t *op)
{
    span_t seq = {NULL, 0};
    int rc = 0;
    while (count-- > 0) {
        span_t key = {NULL, 0};
        span_t value;
        if (!cursor_str (&entries, &key)) {
            cursor_skip (&entries);
            rc = -1;
        }
        cursor_raw (&entries, &value);
        if (op->size == 0 && span_eq (key, "op")) {
            *op = value;
        } else if (seq.size == 0 && span_eq (key, "seq")) {
            seq = value;
        }
    }
    cursor_t cursor = cursor_of (seq);
    if (seq.size <= LIMIT_SEQ_BYTES) {
        cursor_scalar (&cursor, &self->request->seq);
    }
    return rc;
}

static int s_read_op (parse_t *self, span_t value)
{
    if (value.size == 0) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "op: missing");
    }
    span_t name;
    cursor_t cursor = cursor_of (value);
    if (!cursor_str (&cursor, &name)) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "op: not a string");
    }
    op_t op = 0;
    while (op < OP_COUNT && !span_eq (name, s_ops[op].name)) {
        op++;
    }
    if (op == OP_COUNT) {
        char shown[NAME_SHOWN_SIZE];
        return fault_set (self->fault, CODE_UNKNOWN_OP, "op: \"%s\" is not known", name_shown (shown, name));
    }
    self->request->op = op;
    s_find_rows (self);
    return 0;
}

//  Sorts the entries into the op's rows.
static int s_sort_entries (parse_t *self, cursor_t entries, uint32_t count)
{
    char shown[NAME_SHOWN_SIZE];
    while (count-- > 0) {
        span_t key;
        cursor_str (&entries, &key);
        size_t row = s_row (self, key);
        if (row == ARG_ROWS) {
            return fault_set (self->fault, CODE_BAD_REQUEST, "request: unknown key \"%s\"", name_shown (shown, key));
        }
        if (s_value (self, row)->size > 0) {
            return fault_set (
                self->fault, CODE_BAD_REQUEST, "request: key \"%s\" given twice", name_shown (shown, key));
        }
        cursor_raw (&entries, s_value (self, row));
    }
    if (parse_value (self, "seq").size > 0 && self->request->seq.size == 0) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "seq: not a scalar");
    }
    return 0;
}

static int s_check_words (parse_t *self, const arg_t *arg, span_t text)
{
    if (text.size > arg->max) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s: longer than %" PRIu64 " bytes", arg->key, arg->max);
    }
    if (arg->type == ARG_WORDS && !text_is_utf8 (text)) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s: not UTF-8", arg->key);
    }
    return 0;
}

//  Reads a string: str, or bin, which is all that some msgpack libraries write.
static int s_read_text (parse_t *self, const arg_t *arg, cursor_t value, span_t *text)
{
    if (!cursor_bytes (&value, text)) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s: not a string", arg->key);
    }
    if (arg->type == ARG_TEXT || arg->type == ARG_WORDS) {
        return s_check_words (self, arg, *text);
    }
    const char *flaw = arg->type == ARG_GLOB ? glob_flaw (*text) : name_flaw (*text);
    if (!flaw && arg->type == ARG_CHANNEL && name_is_reserved (*text)) {
        flaw = "names that begin with $ are the bridge's own";
    }
    return flaw ? fault_set (self->fault, CODE_BAD_CHANNEL, "%s: %s", arg->key, flaw) : 0;
}

//  Reads one of two words; the flag says whether it was the second.
static int s_read_choice (parse_t *self, const arg_t *arg, cursor_t value, bool *flag)
{
    static const char *const words[][2] = {{"head", "tail"}, {"explicit", "none"}};
    const char *const *two = words[arg->op == OP_TAKE];
    span_t text;
    if (!cursor_bytes (&value, &text)) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s: not a string", arg->key);
    }
    *flag = span_eq (text, two[1]);
    if (!*flag && !span_eq (text, two[0])) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s: not \"%s\" or \"%s\"", arg->key, two[0], two[1]);
    }
    return 0;
}

static int s_read_bool (parse_t *self, const arg_t *arg, cursor_t value, bool *flag)
{
    if (!cursor_bool (&value, flag)) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s: not a bool", arg->key);
    }
    return 0;
}

static int s_read_scalar (parse_t *self, const arg_t *arg, cursor_t value, span_t *raw)
{
    if (!cursor_scalar (&value, raw) || raw->size > LIMIT_SEQ_BYTES) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s: not a scalar", arg->key);
    }
    return 0;
}

static int s_read_uint (parse_t *self, const arg_t *arg, cursor_t value, uint64_t *number)
{
    if (!cursor_uint (&value, number) || *number < arg->min || *number > arg->max) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s: not an integer from %" PRIu64 " to %" PRIu64, arg->key,
            arg->min, arg->max);
    }
    return 0;
}

int parse_no_memory (parse_t *self)
{
    fault_set (self->fault, CODE_BUSY, "%s: out of memory", op_name (self->request->op));
    self->fault->retry_ms = RETRY_MS;
    return -1;
}

static int s_read_arg (parse_t *self, const arg_t *arg, span_t value)
{
    void *field = (char *)self->request + arg->field;
    cursor_t cursor = cursor_of (value);
    switch (arg->type) {
    case ARG_FRONT:
    case ARG_VALUE:
        return 0;
    case ARG_NAME:
    case ARG_CHANNEL:
    case ARG_GLOB:
    case ARG_GROUP:
    case ARG_TEXT:
    case ARG_WORDS:
        return s_read_text (self, arg, cursor, field);
    case ARG_CHANNELS:
        return parse_channels (self, cursor);
    case ARG_SOURCES:
        return parse_sources (self, cursor);
    case ARG_CURSOR:
        return parse_cursor (self, cursor);
    case ARG_CHOICE:
        return s_read_choice (self, arg, cursor, field);
    case ARG_BOOL:
        return s_read_bool (self, arg, cursor, field);
    case ARG_SCALAR:
        return s_read_scalar (self, arg, cursor, field);
    case ARG_UINT:
        return s_read_uint (self, arg, cursor, field);
    }
    return -1;
}

static void s_preset (request_t *request, const arg_t *arg)
{
    void *field = (char *)request + arg->field;
    if (arg->type == ARG_UINT) {
        memcpy (field, &arg->preset, sizeof arg->preset);
    } else if (arg->type == ARG_BOOL) {
        *(bool *)field = arg->preset;
    } else if (arg->type == ARG_GROUP) {
        *(span_t *)field = span_text ("default");
    }
}

static int s_read_args (parse_t *self)
{
    for (size_t row = self->first_row; row < self->end_row; row++) {
        const arg_t *arg = &s_args[row];
        span_t value = *s_value (self, row);
        if (value.size > 0) {
            if (s_read_arg (self, arg, value) == -1) {
                return -1;
            }
        } else if (arg->required) {
            return fault_set (self->fault, CODE_BAD_REQUEST, "%s: missing", arg->key);
        } else {
            s_preset (self->request, arg);
        }
    }
    return 0;
}

static int s_check_flush (parse_t *self)
{
    const request_t *request = self->request;
    if ((request->channel.size > 0) == (request->pattern.size > 0)) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "flush: needs exactly one of channel and pattern");
    }
    if ((request->before > 0) + (request->before_ms > 0) + request->all != 1) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "flush: needs exactly one of before, before_ms and all");
    }
    return 0;
}

static int s_check_status (parse_t *self)
{
    request_t *request = self->request;
    if (request->channel.size > 0 && request->pattern.size > 0) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "status: takes channel or pattern, not both");
    }
    if (request->channel.size == 0 && request->pattern.size == 0) {
        request->pattern = span_of ("*", 1);
    }
    return 0;
}

int request_decode (request_t *self, fault_t *fault, span_t frame, size_t max_payload_bytes)
{
    *self = (request_t){.op = OP_COUNT};
    span_t values[OP_ROWS] = {{NULL, 0}};
    parse_t parse = {.request = self, .fault = fault, .values = values, .max_payload_bytes = max_payload_bytes};
    //  The scan leaves room for headers that nest too deep by a little: they are told as such, with their index.
    uint32_t count;
    cursor_t entries = cursor_of (frame);
    if (!scan_is_one_value (frame.data, frame.size, SCAN_DEPTH_MAX) || !cursor_map (&entries, &count)) {
        return fault_set (fault, CODE_BAD_REQUEST, "request: not a msgpack map");
    }
    span_t op = {NULL, 0};
    if (s_find_front (&parse, entries, count, &op) == -1) {
        return fault_set (fault, CODE_BAD_REQUEST, "request: a key is not a string");
    }
    if (s_read_op (&parse, op) == -1 || s_sort_entries (&parse, entries, count) == -1 || s_read_args (&parse) == -1) {
        return -1;
    }
    return s_ops[self->op].check ? s_ops[self->op].check (&parse) : 0;
}

void request_clear (request_t *self)
{
    free (self->messages);
    self->messages = NULL;
    self->message_count = 0;
    free (self->places);
    self->places = NULL;
    self->place_count = 0;
    free (self->ids);
    self->ids = NULL;
    self->id_count = 0;
    free (self->sources);
    self->sources = NULL;
    self->source_count = 0;
    free (self->items);
    self->items = NULL;
    self->item_count = 0;
}
