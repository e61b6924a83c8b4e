//  monitor - the actor that tells how the bridge does. Owns the HTTP socket and what the others have told of themselves.
//  Runs in its own thread. It never asks Redis nor waits for anybody, so that it answers whatever state the rest is in.

#include "deadline.h"
#include "http.h"
#include "monitor.h"
#include "view.h"

struct monitor {
    view_t *view;
    http_t *http;  //  NULL: off
    zsock_t *snapshots;
    zsock_t *census;
    char endpoint[96];
};

static unsigned s_write_metrics (void *owner, FILE *to)
{
    const monitor_t *self = owner;
    view_write_metrics (self->view, to);
    return 200;
}

//  That it is answered says that the bridge lives.
static unsigned s_write_health (void *owner, FILE *to)
{
    fprintf (to, "ok\n");
    return 200;
}

static unsigned s_write_ready (void *owner, FILE *to)
{
    const monitor_t *self = owner;
    const char *trouble = view_trouble (self->view);
    fprintf (to, "%s\n", trouble ? trouble : "ok");
    return trouble ? 503 : 200;
}

static unsigned s_write_status (void *owner, FILE *to)
{
    const monitor_t *self = owner;
    view_write_status (self->view, to);
    return 200;
}

static const http_page_t s_pages[] = {
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", s_write_metrics},
    {"/healthz", "text/plain; charset=utf-8", s_write_health},
    {"/readyz", "text/plain; charset=utf-8", s_write_ready},
    {"/status", "application/json", s_write_status},
    {NULL, NULL, NULL},
};

monitor_t *monitor_new (const config_t *config, char *error, size_t error_size)
{
    monitor_t *self = calloc (1, sizeof *self);
    self->view = view_new (config);
    self->snapshots = zsock_new (ZMQ_PULL);
    int rc = zsock_bind (self->snapshots, SNAPSHOT_ENDPOINT);
    assert (rc == 0);
    self->census = zsock_new (ZMQ_PULL);
    rc = zsock_bind (self->census, CENSUS_ENDPOINT);
    assert (rc == 0);
    if (*config->http) {
        self->http = http_new (config->http, s_pages, self, error, error_size);
        if (!self->http) {
            monitor_destroy (&self);
            return NULL;
        }
        snprintf (self->endpoint, sizeof self->endpoint, "http=%s", http_bound (self->http));
    }
    return self;
}

const char *monitor_endpoint (const monitor_t *self)
{
    return self->endpoint;
}

void monitor_destroy (monitor_t **self_p)
{
    monitor_t *self = *self_p;
    if (self) {
        http_destroy (&self->http);
        view_destroy (&self->view);
        zsock_destroy (&self->snapshots);
        zsock_destroy (&self->census);
        free (self);
        *self_p = NULL;
    }
}

static void s_take_snapshots (monitor_t *self)
{
    snapshot_t snapshot;
    while (zmq_recv (zsock_resolve (self->snapshots), &snapshot, sizeof snapshot, ZMQ_DONTWAIT) == sizeof snapshot) {
        view_take (self->view, &snapshot);
    }
}

static void s_take_census (monitor_t *self)
{
    group_row_t rows[CENSUS_ROWS];
    int size;
    while ((size = zmq_recv (zsock_resolve (self->census), rows, sizeof rows, ZMQ_DONTWAIT)) >= 0) {
        view_take_groups (self->view, rows, (size_t)size / sizeof *rows);
    }
}

//  Returns false when it is to end.
static bool s_obey (monitor_t *self, zsock_t *pipe)
{
    char *word = zstr_recv (pipe);
    bool goes_on = word && !streq (word, "$TERM");
    if (goes_on && streq (word, MONITOR_DRAIN)) {
        view_drain (self->view);
    } else if (goes_on && streq (word, MONITOR_LOG)) {
        view_log (self->view);
    }
    free (word);
    return goes_on;
}

void monitor_actor (zsock_t *pipe, void *args)
{
    monitor_t *self = args;
    zsock_signal (pipe, 0);
    zmq_pollitem_t items[4] = {
        {zsock_resolve (pipe), 0, ZMQ_POLLIN, 0},
        {zsock_resolve (self->snapshots), 0, ZMQ_POLLIN, 0},
        {zsock_resolve (self->census), 0, ZMQ_POLLIN, 0},
        {NULL, self->http ? http_fd (self->http) : -1, ZMQ_POLLIN, 0},
    };
    bool goes_on = true;
    while (goes_on) {
        deadline_poll (items, 4, self->http ? http_deadline_ms (self->http) : INT64_MAX, 0);
        s_take_snapshots (self);
        s_take_census (self);
        if (items[0].revents) {
            goes_on = s_obey (self, pipe);
        }
        if (self->http) {
            http_work (self->http);
        }
    }
    monitor_destroy (&self);
}
