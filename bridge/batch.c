//  batch - messages of one channel on their way to Redis. In the lane's thread; never talks to anything.
//
//  data:  | spare … head | $16 score $n envelope … | $16 score $n envelope … | …
//                 ^start  ^HEAD_ROOM
//
//  The head depends on how many members follow, so it is written last, ending where they begin. How many envelopes a
//  member will hold is not known when its first one is written: before that, room is left for the score, and for as
//  many digits of its size as it may get. Those that are not used go to the score, as zeros before it.

#include "batch.h"
#include "envelope.h"

enum {
    HEAD_ROOM = 3072,  //  3 keys and 2 names of at most 64 + 200 bytes, digest, session, numbers
    FIRST_ROOM = 8192,
    SCORE_DIGITS = 16,  //  at least
    SIZE_DIGITS = 5,    //  of a member that may grow
    PAIR_FIXED = 10,    //  of "$16\r\n" score "\r\n$" size "\r\n"
    PAIR_EXTRA = PAIR_FIXED + SCORE_DIGITS + 16,
    WISH_ROOM = 80  //  index, header and number, each with its size
};

batch_t *batch_new (void)
{
    batch_t *self = calloc (1, sizeof *self);
    self->room = FIRST_ROOM;
    self->data = malloc (self->room);
    batch_reset (self, 1);
    return self;
}

void batch_destroy (batch_t **self_p)
{
    batch_t *self = *self_p;
    if (self) {
        free (self->waiters);
        free (self->data);
        free (self->envelopes);
        free (self->sizes);
        free (self->members);
        free (self->wishes);
        free (self);
        *self_p = NULL;
    }
}

void batch_reset (batch_t *self, uint32_t pack)
{
    self->next = NULL;
    self->pack = pack;
    self->count = 0;
    self->bytes = 0;
    self->closed = false;
    self->maybe_stored = false;
    self->in_doubt = false;
    self->first = 0;
    self->time_ms = 0;
    self->sent_us = 0;
    self->waiter_count = 0;
    self->wish_count = 0;
    self->member_count = 0;
    self->size = HEAD_ROOM;
    self->start = HEAD_ROOM;
}

bool batch_has_room (const batch_t *self, size_t count, size_t bytes)
{
    if (self->closed) {
        return false;
    }
    size_t most = self->pack > 1 ? BATCH_PACKED_MESSAGES : BATCH_MESSAGES;
    return self->count == 0 || (self->count + count <= most && self->bytes + bytes <= BATCH_BYTES);
}

static void s_make_data_room (batch_t *self, size_t bytes)
{
    if (self->size + bytes > self->room) {
        while (self->size + bytes > self->room) {
            self->room *= 2;
        }
        self->data = realloc (self->data, self->room);
    }
}

static void s_make_room (batch_t *self, size_t bytes)
{
    s_make_data_room (self, bytes);
    if (self->count == self->envelope_room) {
        self->envelope_room = self->envelope_room ? self->envelope_room * 2 : 64;
        self->envelopes = realloc (self->envelopes, self->envelope_room * sizeof *self->envelopes);
        self->sizes = realloc (self->sizes, self->envelope_room * sizeof *self->sizes);
    }
    if (self->member_count == self->member_room) {
        self->member_room = self->member_room ? self->member_room * 2 : 64;
        self->members = realloc (self->members, self->member_room * sizeof *self->members);
    }
}

static void s_add_waiter (batch_t *self, ask_t *ask, size_t ask_at)
{
    waiter_t *last = self->waiter_count ? &self->waiters[self->waiter_count - 1] : NULL;
    if (last && last->ask == ask && last->at + last->count == self->count && last->ask_at + last->count == ask_at) {
        last->count++;
        return;
    }
    if (self->waiter_count == self->waiter_room) {
        self->waiter_room = self->waiter_room ? self->waiter_room * 2 : 8;
        self->waiters = realloc (self->waiters, self->waiter_room * sizeof *self->waiters);
    }
    self->waiters[self->waiter_count++] = (waiter_t){ask, self->count, (uint32_t)ask_at, 1};
}

static void s_add_wish (batch_t *self, wish_t wish)
{
    if (self->wish_count == self->wish_room) {
        self->wish_room = self->wish_room ? self->wish_room * 2 : 64;
        self->wishes = realloc (self->wishes, self->wish_room * sizeof *self->wishes);
    }
    wish.index = self->count;
    self->wishes[self->wish_count++] = wish;
}

static void s_add_number (batch_t *self, const char *header, int64_t number)
{
    if (number >= 0) {
        s_add_wish (self, (wish_t){.header = header, .number = (uint64_t)number});
    }
}

static void s_add_wishes (batch_t *self, const message_t *message)
{
    if (message->msg_id.size) {
        //  The headers go into the envelope as they are.
        size_t at = ENVELOPE_HEADERS_AT + (size_t)(message->msg_id.data - message->headers.data);
        s_add_wish (self, (wish_t){.header = "msg_id", .at = (uint32_t)at, .size = (uint32_t)message->msg_id.size});
    }
    s_add_number (self, "delay_ms", message->delay_ms);
    s_add_number (self, "at_ms", message->at_ms);
    s_add_number (self, "ttl_ms", message->ttl_ms);
    s_add_number (self, "front", message->front ? 1 : -1);
}

//  Writes value in decimal so that it ends before `end`; returns where it begins.
static char *s_put_number (char *end, uint64_t value)
{
    do {
        *--end = (char)('0' + value % 10);
    } while (value /= 10);
    return end;
}

//  Writes "$n\r\n" and returns where it ends.
static char *s_put_bulk_size (char *to, size_t size)
{
    char digits[24];
    char *begin = s_put_number (digits + sizeof digits, size);
    size_t n = (size_t)(digits + sizeof digits - begin);
    *to = '$';
    memcpy (to + 1, begin, n);
    memcpy (to + 1 + n, "\r\n", 2);
    return to + n + 3;
}

static size_t s_digits (size_t number)
{
    size_t digits = 1;
    for (; number >= 10; number /= 10) {
        digits++;
    }
    return digits;
}

//  The member that takes an envelope of `size` bytes: the last one, or a new one.
static member_t *s_member_for (batch_t *self, size_t size)
{
    member_t *last = self->member_count ? &self->members[self->member_count - 1] : NULL;
    if (last && last->count < self->pack && last->size + size <= BATCH_MEMBER_BYTES) {
        self->size -= 2;  //  it ends further on
        return last;
    }
    member_t *member = &self->members[self->member_count++];
    size_t size_digits = s_digits (size);
    if (self->pack > 1 && size_digits < SIZE_DIGITS) {
        size_digits = SIZE_DIGITS;
    }
    *member = (member_t){.at = (uint32_t)self->size};
    self->size += PAIR_FIXED + SCORE_DIGITS + size_digits;
    member->begins = (uint32_t)self->size;
    return member;
}

//  Returns where an envelope of `size` bytes goes; the room is there.
static char *s_put_envelope (batch_t *self, size_t size)
{
    member_t *member = s_member_for (self, size);
    char *at = self->data + self->size;
    memcpy (at + size, "\r\n", 2);
    self->envelopes[self->count] = (uint32_t)self->size;
    self->sizes[self->count] = (uint32_t)size;
    member->size += (uint32_t)size;
    member->count++;
    self->size += size + 2;
    self->bytes += size;
    self->count++;
    return at;
}

void batch_add (batch_t *self, const message_t *message, ask_t *ask, size_t ask_at)
{
    size_t size = envelope_size (message);
    s_make_room (self, size + PAIR_EXTRA);
    if (ask) {
        s_add_waiter (self, ask, ask_at);
    }
    if (message->headers.size) {
        s_add_wishes (self, message);
    }
    envelope_encode ((uint8_t *)s_put_envelope (self, size), message);
}

//  The head is written from its end to its beginning.

static char *s_put_before (char *end, const void *bytes, size_t size)
{
    return memcpy (end - size, bytes, size);
}

static char *s_put_bulk_before (char *end, const void *bytes, size_t size)
{
    end = s_put_before (end, "\r\n", 2);
    end = s_put_before (end, bytes, size);
    end = s_put_before (end, "\r\n", 2);
    end = s_put_number (end, size);
    return s_put_before (end, "$", 1);
}

static char *s_put_text_before (char *end, const char *text)
{
    return s_put_bulk_before (end, text, strlen (text));
}

static char *s_put_number_before (char *end, uint64_t value)
{
    char digits[24];
    char *begin = s_put_number (digits + sizeof digits, value);
    return s_put_bulk_before (end, begin, (size_t)(digits + sizeof digits - begin));
}

static void s_write_head (batch_t *self, const append_t *append)
{
    char *at = self->data + HEAD_ROOM;
    at = s_put_bulk_before (at, append->channel.data, append->channel.size);
    at = s_put_text_before (at, append->announce);
    at = s_put_number_before (at, append->max_messages);
    at = s_put_number_before (at, self->bytes);
    at = s_put_number_before (at, self->member_count);
    at = s_put_number_before (at, self->time_ms);
    at = s_put_number_before (at, self->first);
    at = s_put_number_before (at, append->known);
    at = s_put_text_before (at, append->epoch);
    at = s_put_number_before (at, append->seq);
    at = s_put_text_before (at, append->session);
    for (int i = 3; i >= 0; i--) {
        at = s_put_text_before (at, append->keys[i]);
    }
    at = s_put_text_before (at, "4");
    at = s_put_text_before (at, append->digest);
    at = s_put_text_before (at, "EVALSHA");
    at = s_put_before (at, "\r\n", 2);
    at = s_put_number (at, 18 + 2 * (uint64_t)self->member_count + 3 * self->wish_count);
    at = s_put_before (at, "*", 1);
    assert (at >= self->data);
    self->start = (size_t)(at - self->data);
}

//  Writes what stands before a member's envelopes.
static void s_write_score (batch_t *self, const member_t *member, uint64_t score)
{
    char *begin = self->data + member->at;
    char *at = s_put_number (self->data + member->begins - 2, member->size);
    memcpy (self->data + member->begins - 2, "\r\n", 2);
    at = s_put_before (at, "\r\n$", 3);
    size_t digits = (size_t)(at - begin) - strlen ("$16\r\n");
    for (; at > begin + strlen ("$16\r\n"); score /= 10) {
        *--at = (char)('0' + score % 10);
    }
    at = s_put_before (at, "\r\n", 2);
    s_put_before (s_put_number (at, digits), "$", 1);
}

static void s_write_scores (batch_t *self)
{
    uint64_t score = self->first - 1;
    for (size_t i = 0; i < self->member_count; i++) {
        score += self->members[i].count;
        s_write_score (self, &self->members[i], score);
    }
}

static char *s_put_bulk (char *to, const void *bytes, size_t size)
{
    to = s_put_bulk_size (to, size);
    memcpy (to, bytes, size);
    memcpy (to + size, "\r\n", 2);
    return to + size + 2;
}

static char *s_put_bulk_number (char *to, uint64_t value)
{
    char digits[24];
    char *begin = s_put_number (digits + sizeof digits, value);
    return s_put_bulk (to, begin, (size_t)(digits + sizeof digits - begin));
}

//  Writes index, header and value of each wish behind the members; returns where they end.
static size_t s_write_wishes (batch_t *self)
{
    size_t bytes = 0;
    for (size_t i = 0; i < self->wish_count; i++) {
        bytes += WISH_ROOM + self->wishes[i].size;
    }
    s_make_data_room (self, bytes);
    char *at = self->data + self->size;
    for (size_t i = 0; i < self->wish_count; i++) {
        const wish_t *wish = &self->wishes[i];
        at = s_put_bulk_number (at, (uint64_t)wish->index + 1);
        at = s_put_bulk (at, wish->header, strlen (wish->header));
        if (wish->size > 0) {
            at = s_put_bulk (at, self->data + self->envelopes[wish->index] + wish->at, wish->size);
        } else {
            at = s_put_bulk_number (at, wish->number);
        }
    }
    return (size_t)(at - self->data);
}

span_t batch_command (batch_t *self, const append_t *append, uint64_t first, uint64_t time_ms)
{
    self->closed = true;
    batch_stamp (self, first, time_ms);
    s_write_scores (self);
    size_t end = s_write_wishes (self);
    s_write_head (self, append);
    return span_of (self->data + self->start, end - self->start);
}

void batch_stamp (batch_t *self, uint64_t first, uint64_t time_ms)
{
    if (self->first == first && self->time_ms == time_ms) {
        return;
    }
    self->first = first;
    self->time_ms = time_ms;
    for (size_t i = 0; i < self->count; i++) {
        envelope_stamp ((uint8_t *)self->data + self->envelopes[i], first + i, time_ms);
    }
}

span_t batch_envelope (const batch_t *self, size_t index)
{
    return span_of (self->data + self->envelopes[index], self->sizes[index]);
}

bool batch_waits (const batch_t *self, const ask_t *ask)
{
    for (size_t i = 0; i < self->waiter_count; i++) {
        if (self->waiters[i].ask == ask) {
            return true;
        }
    }
    return false;
}

void batch_forget (batch_t *self, const ask_t *ask)
{
    for (size_t i = 0; i < self->waiter_count; i++) {
        if (self->waiters[i].ask == ask) {
            self->waiters[i].ask = NULL;
        }
    }
}

//  Copies message `index` of another batch, whose wishes begin at `wish`, to the end of this one.
static void s_copy_message (batch_t *self, const batch_t *from, size_t index, size_t wish, ask_t *ask, size_t ask_at)
{
    s_make_room (self, from->sizes[index] + PAIR_EXTRA);
    if (ask) {
        s_add_waiter (self, ask, ask_at);
    }
    for (; wish < from->wish_count && from->wishes[wish].index == index; wish++) {
        s_add_wish (self, from->wishes[wish]);
    }
    memcpy (s_put_envelope (self, from->sizes[index]), from->data + from->envelopes[index], from->sizes[index]);
}

void batch_leave_out (batch_t *self, const bool *out)
{
    batch_t *kept = batch_new ();
    batch_reset (kept, self->pack);
    size_t at = 0, wish = 0;
    for (size_t i = 0; i < self->count; i++) {
        //  Waiters and wishes stand in the order of their messages.
        while (at < self->waiter_count && i >= self->waiters[at].at + self->waiters[at].count) {
            at++;
        }
        while (wish < self->wish_count && self->wishes[wish].index < i) {
            wish++;
        }
        const waiter_t *waiter = at < self->waiter_count && i >= self->waiters[at].at ? &self->waiters[at] : NULL;
        if (!out[i]) {
            size_t ask_at = waiter ? waiter->ask_at + i - waiter->at : 0;
            s_copy_message (kept, self, i, wish, waiter ? waiter->ask : NULL, ask_at);
        }
    }
    kept->closed = self->closed;
    kept->next = self->next;
    kept->channel = self->channel;
    batch_t old = *self;
    *self = *kept;
    *kept = old;
    batch_destroy (&kept);
}

size_t batch_withdraw (batch_t *self, const ask_t *ask, size_t *removed)
{
    assert (!self->maybe_stored);
    bool *out = calloc (self->count, sizeof *out);
    for (size_t i = 0; i < self->waiter_count; i++) {
        const waiter_t *waiter = &self->waiters[i];
        if (waiter->ask == ask) {
            memset (out + waiter->at, true, waiter->count);
            *removed += waiter->count;
        }
    }
    size_t bytes = self->bytes;
    batch_leave_out (self, out);
    free (out);
    return bytes - self->bytes;
}
