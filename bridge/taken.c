//  taken - reads the envelopes of what take.lua gave. In its owner's thread; asks for a bounded number of members at a
//  time.
//
//  A piece is a run of ids, cut at the ids whose envelope came as a letter. `at` and `from` say where the next envelope
//  stands. A member is stored under its last id, so that the last ids of a run may lie in a member behind it: that one
//  is asked for too, once it has shown that members of this channel hold several envelopes.

#include <stdlib.h>
#include "envelope.h"
#include "taken.h"

enum { ASKS_AT_ONCE = 256 };

typedef struct {
    uint64_t first;
    uint64_t last;
    uint64_t attempt;
    char *letter;  //  the envelope of first, owned; NULL: the log has it
    size_t letter_size;
} piece_t;

//  One read under way.
typedef struct {
    size_t piece;
    size_t members;  //  at most
    bool behind;     //  the member behind the run
} asked_t;

struct taken {
    uint64_t lease;
    uint64_t deadline_ms;
    bool more;
    piece_t *pieces;
    size_t count;
    size_t at;
    uint64_t from;
    bool full;    //  fn wants no more
    bool packed;  //  members hold several envelopes, or may
    bool behind;  //  of the piece, only what lies in the member behind it is left
    size_t largest;
    uint64_t member_last;  //  of the member that was read last; guessed where it goes on behind what is wanted
    uint64_t member_ids;
    asked_t asked[ASKS_AT_ONCE];
    size_t asked_count;
    size_t answered;
    bool stale;  //  what is still to come of this round is asked for again
    taken_fn *fn;
    void *arg;
};

//  take.lua's answer

enum { STATE, LEASE, DEADLINE, NOW, RUNS, LETTERS, MORE, FIELDS };

static uint64_t s_number (const redisReply *item)
{
    return item->type == REDIS_REPLY_INTEGER ? (uint64_t)item->integer : item->str ? strtoull (item->str, NULL, 10) : 0;
}

typedef struct {
    uint64_t id;
    const redisReply *envelope;
} letter_t;

static int s_compare_letters (const void *a, const void *b)
{
    uint64_t x = ((const letter_t *)a)->id, y = ((const letter_t *)b)->id;
    return (x > y) - (x < y);
}

//  Returns the letters sorted by id; the caller frees them.
static letter_t *s_sort_letters (const redisReply *flat, size_t *count)
{
    *count = flat->elements / 2;
    letter_t *letters = calloc (*count + 1, sizeof *letters);
    for (size_t i = 0; i < *count; i++) {
        letters[i] = (letter_t){s_number (flat->element[2 * i]), flat->element[2 * i + 1]};
    }
    qsort (letters, *count, sizeof *letters, s_compare_letters);
    return letters;
}

static void s_add_piece (taken_t *self, uint64_t first, uint64_t last, uint64_t attempt, const redisReply *letter)
{
    piece_t *piece = &self->pieces[self->count++];
    *piece = (piece_t){first, last, attempt, NULL, 0};
    if (letter) {
        piece->letter = malloc (letter->len + 1);
        memcpy (piece->letter, letter->str, letter->len);
        piece->letter_size = letter->len;
    }
}

//  Cuts a run at its letters.
static void s_add_run (taken_t *self, const redisReply *const *run, const letter_t *letters, size_t count)
{
    uint64_t first = s_number (run[0]), last = s_number (run[1]), attempt = s_number (run[2]);
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (letters[middle].id < first) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < count && letters[low].id <= last; low++) {
        uint64_t id = letters[low].id;
        if (id > first) {
            s_add_piece (self, first, id - 1, attempt, NULL);
        }
        s_add_piece (self, id, id, attempt, letters[low].envelope);
        first = id + 1;
    }
    if (first <= last) {
        s_add_piece (self, first, last, attempt, NULL);
    }
}

taken_t *taken_new (const redisReply *reply, taken_fn *fn, void *arg)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < FIELDS) {
        return NULL;
    }
    taken_t *self = calloc (1, sizeof *self);
    const redisReply *runs = reply->element[RUNS];
    size_t count;
    letter_t *letters = s_sort_letters (reply->element[LETTERS], &count);
    self->lease = s_number (reply->element[LEASE]);
    self->deadline_ms = s_number (reply->element[DEADLINE]);
    self->more = s_number (reply->element[MORE]) == 1;
    self->fn = fn;
    self->arg = arg;
    self->pieces = calloc (runs->elements / 3 + 2 * count + 1, sizeof *self->pieces);
    for (size_t i = 0; i + 2 < runs->elements; i += 3) {
        s_add_run (self, (const redisReply *const *)&runs->element[i], letters, count);
    }
    free (letters);
    self->from = self->count > 0 ? self->pieces[0].first : 0;
    return self;
}

void taken_destroy (taken_t **self_p)
{
    taken_t *self = *self_p;
    if (self) {
        for (size_t i = 0; i < self->count; i++) {
            free (self->pieces[i].letter);
        }
        free (self->pieces);
        free (self);
        *self_p = NULL;
    }
}

uint64_t taken_lease (const taken_t *self)
{
    return self->lease;
}

uint64_t taken_deadline_ms (const taken_t *self)
{
    return self->deadline_ms;
}

bool taken_is_empty (const taken_t *self)
{
    return self->count == 0;
}

uint64_t taken_first (const taken_t *self)
{
    return self->count > 0 ? self->pieces[0].first : 0;
}

uint64_t taken_last (const taken_t *self)
{
    return self->count > 0 ? self->pieces[self->count - 1].last : 0;
}

uint64_t taken_member_last (const taken_t *self)
{
    return self->member_last;
}

uint64_t taken_member_ids (const taken_t *self)
{
    return self->member_ids;
}

bool taken_more (const taken_t *self)
{
    return self->more;
}

size_t taken_largest (const taken_t *self)
{
    return self->largest;
}

//  Giving

static void s_give (taken_t *self, uint64_t id, span_t envelope)
{
    self->full = !self->fn (self->arg, envelope, self->pieces[self->at].attempt);
    if (!self->full) {
        self->from = id + 1;
    }
}

static void s_end_piece (taken_t *self)
{
    self->at++;
    self->behind = false;
    self->from = self->at < self->count ? self->pieces[self->at].first : 0;
}

static void s_give_letters (taken_t *self)
{
    while (!self->full && self->at < self->count && self->pieces[self->at].letter) {
        const piece_t *piece = &self->pieces[self->at];
        s_give (self, piece->first, span_of (piece->letter, piece->letter_size));
        if (!self->full) {
            s_end_piece (self);
        }
    }
}

//  The member has this envelope at `at`, and others like it behind, and begins with `first`.
static void s_measure (taken_t *self, span_t member, size_t at, size_t size, uint64_t id, uint64_t first)
{
    self->member_last = id + (member.size - at) / size - 1;
    self->member_ids = self->member_last >= first ? self->member_last - first + 1 : 1;
}

//  Gives the envelopes of a member that belong to the piece.
static void s_give_member (taken_t *self, span_t member)
{
    uint64_t last = self->pieces[self->at].last, first = 0;
    envelope_t envelope = {.id = 0};
    self->largest = member.size > self->largest ? member.size : self->largest;
    for (size_t at = 0, size; at < member.size && !self->full && envelope.id <= last; at += size) {
        size = envelope_decode (&envelope, member.data + at, member.size - at);
        if (size == 0) {
            return;  //  written there by hand
        }
        self->packed = self->packed || size < member.size;
        first = first > 0 ? first : envelope.id;
        s_measure (self, member, at, size, envelope.id, first);
        if (envelope.id >= self->from && envelope.id <= last) {
            s_give (self, envelope.id, span_of (member.data + at, size));
        }
    }
}

//  Asking

static void s_ask_one (taken_t *self, link_t *link, const char *log_key, asked_t asked, uint64_t from,
    link_reply_fn *reply_fn, void *reply_arg)
{
    char low[SPAN_NUMBER], high[SPAN_NUMBER + 1] = "(", members[SPAN_NUMBER];
    uint64_t last = self->pieces[asked.piece].last;
    span_number (high + 1, last);
    span_t words[] = {span_text ("ZRANGEBYSCORE"), span_text (log_key),
        asked.behind ? span_text (high) : span_number (low, from), span_text (asked.behind ? "+inf" : high + 1),
        span_text ("LIMIT"), span_text ("0"), span_number (members, asked.members)};
    link_command (link, reply_fn, reply_arg, sizeof words / sizeof *words, words);
    self->asked[self->asked_count++] = asked;
}

size_t taken_ask (
    taken_t *self, link_t *link, const char *log_key, size_t members, link_reply_fn *reply_fn, void *reply_arg)
{
    s_give_letters (self);
    self->asked_count = self->answered = 0;
    self->stale = false;
    uint64_t from = self->from;
    for (size_t piece = self->at; piece < self->count && !self->full; piece++) {
        const piece_t *next = &self->pieces[piece];
        from = piece == self->at ? from : next->first;
        if (next->letter) {
            continue;
        }
        if (members == 0 || self->asked_count + 2 > ASKS_AT_ONCE) {
            break;
        }
        uint64_t ids = next->last - from + 1;
        size_t some = ids < members ? (size_t)ids : members;
        bool behind = piece == self->at && self->behind;
        if (!behind) {
            s_ask_one (self, link, log_key, (asked_t){piece, some, false}, from, reply_fn, reply_arg);
        }
        if (behind || (self->packed && some == ids)) {
            s_ask_one (self, link, log_key, (asked_t){piece, 1, true}, from, reply_fn, reply_arg);
        }
        members -= some;
    }
    return self->asked_count;
}

//  The members up to the piece's last id have come. Says whether the piece is through.
static bool s_is_through (taken_t *self, const asked_t *asked, size_t came, uint64_t before)
{
    if (self->from > self->pieces[self->at].last || asked->behind) {
        return true;
    }
    if (came < asked->members) {
        //  The rest stands in the member behind, or was flushed.
        self->packed = self->behind = true;
        self->stale = self->answered == self->asked_count || !self->asked[self->answered].behind;
        return false;
    }
    return self->from == before;  //  members without an envelope of the piece: written there by hand
}

void taken_read (taken_t *self, const redisReply *members)
{
    asked_t asked = self->asked[self->answered++];
    if (self->full || self->stale || asked.piece != self->at || members->type != REDIS_REPLY_ARRAY) {
        return;
    }
    uint64_t before = self->from;
    for (size_t i = 0; i < members->elements; i++) {
        s_give_member (self, span_of (members->element[i]->str, members->element[i]->len));
    }
    if (!self->full && s_is_through (self, &asked, members->elements, before)) {
        s_end_piece (self);
        s_give_letters (self);
    }
}

void taken_read_ahead (taken_t *self, uint64_t first, const redisReply *members)
{
    if (taken_first (self) != first || self->pieces[0].letter || members->type != REDIS_REPLY_ARRAY) {
        return;
    }
    for (size_t i = 0; i < members->elements && !self->full; i++) {
        s_give_member (self, span_of (members->element[i]->str, members->element[i]->len));
    }
    if (!self->full && self->from > self->pieces[0].last) {
        s_end_piece (self);
    }
}

void taken_rest (const taken_t *self, taken_rest_fn *rest_fn, void *arg)
{
    for (size_t i = self->at; i < self->count; i++) {
        uint64_t first = i == self->at ? self->from : self->pieces[i].first;
        if (first <= self->pieces[i].last) {
            rest_fn (arg, first, self->pieces[i].last);
        }
    }
}
