//  parse_publish - reads the messages of a publish, given as one or as several. Any thread.

#include <stdlib.h>
#include "parse.h"

_Static_assert(LIMIT_PUBLISH_MESSAGES == 1000, "the text below says so");

static const char s_not_messages[] =
    "messages: not an array of 1 to 1000 [channel, payload] or [channel, payload, headers]";

//  Reads the next message, given as three values. Its index is the count of those read before.
static int s_read_message (parse_t *self, const span_t *values)
{
    request_t *request = self->request;
    message_t *message = &request->messages[request->message_count];
    if (message_read_values (message, self->fault, values[0], values[1], values[2], self->max_payload_bytes) == -1) {
        self->fault->index = (int)request->message_count;
        return -1;
    }
    request->message_count++;
    return 0;
}

static int s_read_messages (parse_t *self, cursor_t messages, uint32_t count)
{
    while (count-- > 0) {
        span_t values[3] = {{NULL, 0}};  //  channel, payload, headers
        uint32_t size;
        if (!cursor_array (&messages, &size) || size < 2 || size > 3) {
            fault_set (self->fault, CODE_BAD_REQUEST, "%s", s_not_messages);
            self->fault->index = (int)self->request->message_count;
            return -1;
        }
        for (uint32_t at = 0; at < size; at++) {
            cursor_raw (&messages, &values[at]);
        }
        if (s_read_message (self, values) == -1) {
            return -1;
        }
    }
    return 0;
}

int parse_publish (parse_t *self)
{
    const span_t single[3] = {
        parse_value (self, "channel"), parse_value (self, "payload"), parse_value (self, "headers")};
    span_t several = parse_value (self, "messages");
    bool is_single = single[0].size > 0 && single[1].size > 0;
    bool has_single = single[0].size > 0 || single[1].size > 0 || single[2].size > 0;
    if (several.size > 0 ? has_single : !is_single) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "publish: needs either channel and payload or messages");
    }
    uint32_t count = 1;
    cursor_t cursor = cursor_of (several);
    if (!is_single && (!cursor_array (&cursor, &count) || count < 1 || count > LIMIT_PUBLISH_MESSAGES)) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s", s_not_messages);
    }
    self->request->messages = malloc (count * sizeof *self->request->messages);
    if (!self->request->messages) {
        return parse_no_memory (self);
    }
    return is_single ? s_read_message (self, single) : s_read_messages (self, cursor, count);
}
