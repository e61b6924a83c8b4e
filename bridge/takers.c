//  takers - takes that wait. In control's thread; polls nothing.
//
//  LIMIT: each announcement is held against each glob that somebody waits for.

#include "name.h"
#include "permit.h"
#include "takers.h"
#include "waits.h"

enum {
    LOOK_EVERY_MS = 20000  //  in case that all else fails
};

//  Who waits for one name or glob in one group; lives while somebody does.
typedef struct {
    char *source;
    char *group;
    zlistx_t *stands;  //  first come, first served
    zlistx_t *home;    //  where the line is listed
    void *place;
} line_t;

typedef struct {
    taker_t *taker;
    line_t *line;
    void *place;
} stand_t;

struct taker {
    call_t *call;
    uint64_t arrival;
    stand_t *stands;
    size_t stand_count;
    char **told;  //  channels to look at
    size_t told_count;
    bool all;     //  looks at everything before it waits again
    bool served;  //  got something, and will be answered
};

struct takers {
    zhashx_t *names;  //  name -> lines, one a group
    zlistx_t *globs;  //  lines
    uint64_t arrivals;
};

static void s_destroy_list (void **list_p)
{
    zlistx_destroy ((zlistx_t **)list_p);
}

takers_t *takers_new (void)
{
    takers_t *self = calloc (1, sizeof *self);
    self->names = zhashx_new ();
    zhashx_set_destructor (self->names, s_destroy_list);
    self->globs = zlistx_new ();
    return self;
}

void takers_destroy (takers_t **self_p)
{
    takers_t *self = *self_p;
    if (self) {
        zhashx_destroy (&self->names);
        zlistx_destroy (&self->globs);
        free (self);
        *self_p = NULL;
    }
}

//  Lines

static zlistx_t *s_home (takers_t *self, const char *source)
{
    if (!glob_is_name (span_text (source))) {
        return self->globs;
    }
    zlistx_t *home = zhashx_lookup (self->names, source);
    if (!home) {
        home = zlistx_new ();
        zhashx_insert (self->names, source, home);
    }
    return home;
}

static line_t *s_line (takers_t *self, span_t source, span_t group)
{
    char name[LIMIT_NAME_BYTES + 1];
    snprintf (name, sizeof name, "%.*s", (int)source.size, source.data);
    zlistx_t *home = s_home (self, name);
    for (line_t *line = zlistx_first (home); line; line = zlistx_next (home)) {
        if (streq (line->source, name) && span_eq (group, line->group)) {
            return line;
        }
    }
    line_t *line = calloc (1, sizeof *line);
    line->source = strdup (name);
    line->group = strndup (group.data, group.size);
    line->stands = zlistx_new ();
    line->home = home;
    line->place = zlistx_add_end (home, line);
    return line;
}

static void s_leave_line (takers_t *self, stand_t *stand)
{
    line_t *line = stand->line;
    zlistx_detach (line->stands, stand->place);
    if (zlistx_size (line->stands) > 0) {
        return;
    }
    zlistx_detach (line->home, line->place);
    if (line->home != self->globs && zlistx_size (line->home) == 0) {
        zhashx_delete (self->names, line->source);
    }
    zlistx_destroy (&line->stands);
    free (line->source);
    free (line->group);
    free (line);
}

//  Telling

static bool s_knows (const taker_t *taker, span_t channel)
{
    bool knows = taker->all || taker->served;
    for (size_t i = 0; i < taker->told_count && !knows; i++) {
        knows = span_eq (channel, taker->told[i]);
    }
    return knows;
}

static void s_tell (taker_t *taker, span_t channel)
{
    taker->told = realloc (taker->told, (taker->told_count + 1) * sizeof *taker->told);
    taker->told[taker->told_count++] = strndup (channel.data, channel.size);
    waits_wake (taker->call);
}

//  The first in line who may have it and does not know of it yet.
static taker_t *s_first (line_t *line, span_t channel)
{
    stand_t *stand = zlistx_first (line->stands);
    while (stand && (s_knows (stand->taker, channel) || !permit_name (stand->taker->call, channel))) {
        stand = zlistx_next (line->stands);
    }
    return stand ? stand->taker : NULL;
}

//  The lines that wait for the channel, in this group or in any. The caller frees the array, which ends with NULL.
static line_t **s_lines (takers_t *self, span_t channel, span_t group)
{
    char name[LIMIT_NAME_BYTES + 1];
    snprintf (name, sizeof name, "%.*s", (int)channel.size, channel.data);
    zlistx_t *lists[] = {zhashx_lookup (self->names, name), self->globs};
    size_t count = 0;
    line_t **lines = calloc ((lists[0] ? zlistx_size (lists[0]) : 0) + zlistx_size (self->globs) + 1, sizeof *lines);
    for (size_t i = 0; i < 2; i++) {
        for (line_t *line = lists[i] ? zlistx_first (lists[i]) : NULL; line; line = zlistx_next (lists[i])) {
            bool concerns = group.size == 0 || span_eq (group, line->group);
            if (concerns && (i == 0 || glob_matches (span_text (line->source), channel))) {
                lines[count++] = line;
            }
        }
    }
    return lines;
}

//  None of the lines before is of the same group.
static bool s_is_first (line_t **lines, size_t at)
{
    size_t i = 0;
    while (i < at && !streq (lines[i]->group, lines[at]->group)) {
        i++;
    }
    return i == at;
}

//  The first to have come who does not know of it yet, in this line and those behind of the same group.
static taker_t *s_first_of_all (line_t **lines, size_t at, span_t channel)
{
    taker_t *first = NULL;
    for (size_t i = at; lines[i]; i++) {
        taker_t *taker = streq (lines[i]->group, lines[at]->group) ? s_first (lines[i], channel) : NULL;
        if (taker && (!first || taker->arrival < first->arrival)) {
            first = taker;
        }
    }
    return first;
}

void takers_takeable (desk_t *desk, span_t channel, span_t group)
{
    if (zlistx_size (desk->waiting[WAITING_TAKES]) == 0) {
        return;
    }
    line_t **lines = s_lines (desk->takers, channel, group);
    for (size_t i = 0; lines[i]; i++) {
        taker_t *first = s_is_first (lines, i) ? s_first_of_all (lines, i, channel) : NULL;
        if (first) {
            s_tell (first, channel);
        }
    }
    free (lines);
}

void takers_look_again (call_t *call)
{
    if (call->taker) {
        call->taker->all = true;
    }
}

void takers_wake_all (desk_t *desk)
{
    zlistx_t *takes = desk->waiting[WAITING_TAKES];
    for (call_t *call = zlistx_first (takes); call; call = zlistx_next (takes)) {
        call->taker->all = true;
        waits_wake (call);
    }
}

//  A taker's life

static void s_clear_told (taker_t *taker)
{
    for (size_t i = 0; i < taker->told_count; i++) {
        free (taker->told[i]);
    }
    taker->told_count = 0;
}

//  The call is answered. What the taker was told of and has not looked at is told to the next one.
static void s_leave (call_t *call)
{
    taker_t *taker = call->taker;
    desk_t *desk = call->desk;
    for (size_t i = 0; i < taker->stand_count; i++) {
        s_leave_line (desk->takers, &taker->stands[i]);
    }
    for (size_t i = 0; i < taker->told_count; i++) {
        takers_takeable (desk, span_text (taker->told[i]), call->request.group);
    }
    s_clear_told (taker);
    free (taker->told);
    free (taker->stands);
    free (taker);
    call->taker = NULL;
}

void takers_begin (call_t *call, void (*begin) (call_t *))
{
    const request_t *request = &call->request;
    takers_t *self = call->desk->takers;
    if (request->wait_ms == 0) {
        return;
    }
    waits_begin (call, begin);
    taker_t *taker = calloc (1, sizeof *taker);
    *taker = (taker_t){.call = call, .arrival = ++self->arrivals, .all = true};
    taker->stands = calloc (request->source_count, sizeof *taker->stands);
    taker->stand_count = request->source_count;
    for (size_t i = 0; i < request->source_count; i++) {
        stand_t *stand = &taker->stands[i];
        *stand = (stand_t){taker, s_line (self, request->sources[i], request->group), NULL};
        stand->place = zlistx_add_end (stand->line->stands, stand);
    }
    call->taker = taker;
    call->leave = s_leave;
}

static size_t s_rank (const request_t *request, span_t channel)
{
    size_t rank = 0;
    while (rank < request->source_count && !glob_matches (request->sources[rank], channel)) {
        rank++;
    }
    return rank;
}

span_t *takers_told (call_t *call, size_t *count)
{
    taker_t *taker = call->taker;
    if (!taker || taker->all) {
        if (taker) {
            taker->all = false;
            s_clear_told (taker);
        }
        return NULL;
    }
    span_t *told = calloc (taker->told_count + 1, sizeof *told);
    for (*count = 0; *count < taker->told_count; (*count)++) {
        span_t channel = span_text (taker->told[*count]);
        size_t rank = s_rank (&call->request, channel), at = *count;
        for (; at > 0 && s_rank (&call->request, told[at - 1]) > rank; at--) {
            told[at] = told[at - 1];
        }
        told[at] = channel;
    }
    return told;
}

void takers_look (call_t *call, span_t channel)
{
    taker_t *taker = call->taker;
    for (size_t i = 0; taker && i < taker->told_count; i++) {
        if (span_eq (channel, taker->told[i])) {
            free (taker->told[i]);
            taker->told[i] = taker->told[--taker->told_count];
            return;
        }
    }
}

void takers_got (call_t *call, span_t channel, bool more)
{
    if (call->taker) {
        call->taker->served = true;
    }
    if (more) {
        takers_takeable (call->desk, channel, call->request.group);
    }
}

bool takers_on (call_t *call)
{
    taker_t *taker = call->taker;
    if (!taker) {
        return false;
    }
    taker->served = false;
    //  A whole second, so that those who wait long look together.
    call->look_at_ms = (zclock_mono () + LOOK_EVERY_MS) / 1000 * 1000;
    call->missed = taker->all || taker->told_count > 0;
    return waits_on (call);
}
