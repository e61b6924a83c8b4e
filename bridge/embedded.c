//  embedded - keeps a private redis-server running in data_dir.
//
//  Owns the data_dir, its locks and the server process; runs in main's thread. Must never let two servers
//  write in one data_dir, and never wait for a server that dies while the bridge serves: start waits, revive
//  does not.
//
//                 adopt, start                         ended
//    embedded_new ------------> RUNNING <---------+  +-------> DOWN
//                                  |  embedded_revive: start     |
//                                  |              +--------------+--+ start failed:
//                                  v embedded_destroy            +--+ a longer pause
//                               stopped
//
//  Transitions: s_adopt and s_start (-> RUNNING), s_note_end and s_start (-> DOWN); s_set_state alone sets
//  and logs.
//
//  Invariants:
//    1. server is set in RUNNING, NULL in DOWN.
//    2. A server is started only while this bridge holds redis.lock, so no other server lives.
//    3. pause_ms grows with each start or run that failed, and is 0 again after a run of STABLE_MS.

#include "embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "data_dir.h"
#include "log.h"
#include "redis_server.h"

enum {
    SOCKET_PATH_BYTES = 106,  //  a socket's path may have 107, but hiredis (0.14 to 1.2) leaves the byte behind
                              //  such a long one unset, and so connects elsewhere
    ANSWER_MS = 1000,         //  for one command at start
    OCCUPIED_MS = 10000,      //  for a server that is there to answer, or to go
    START_MS = 30000,         //  for a server that was started to answer
    LOADING_MS = 1000,        //  how long a loading server is watched, since a bad file ends it
    TICK_MS = 10,             //  between two looks at start; there is no event for "it listens now"
    STABLE_MS = 10000,        //  a run as long as that was no failure
    FIRST_PAUSE_MS = 100,
    LONGEST_PAUSE_MS = 5000,
    STOP_MS = 10000
};

typedef enum { STATE_DOWN, STATE_RUNNING } state_t;

struct embedded {
    state_t state;
    data_dir_t *dir;
    redis_server_t *server;
    char *fsync;
    char *socket;
    char *log;
    char *url;
    off_t log_start;  //  where the log of this run begins
    int64_t started_ms;
    int64_t retry_at_ms;
    int64_t pause_ms;
};

typedef enum { ANSWER_NONE, ANSWER_LOADING, ANSWER_OK } answer_t;

static int64_t s_now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

//  `why` is the log's event, `detail` its pairs.
static void s_set_state (embedded_t *self, state_t state, const char *why, const char *detail)
{
    static const char *const names[] = {[STATE_DOWN] = "down", [STATE_RUNNING] = "running"};
    self->state = state;
    log_write (state == STATE_RUNNING ? LEVEL_INFO : LEVEL_WARN, "main", why, "state=%s %s", names[state], detail);
}

//  One command to the server, with a limit in time. A loading server still answers CONFIG.
static answer_t s_ask (const embedded_t *self, const char *command)
{
    struct timeval limit = {ANSWER_MS / 1000, ANSWER_MS % 1000 * 1000};
    answer_t answer = ANSWER_NONE;
    redisContext *redis = redisConnectUnixWithTimeout (self->socket, limit);
    if (redis && !redis->err && redisSetTimeout (redis, limit) == REDIS_OK) {
        redisReply *reply = redisCommand (redis, command);
        if (reply && reply->type == REDIS_REPLY_STATUS) {
            answer = ANSWER_OK;
        } else if (reply && reply->type == REDIS_REPLY_ERROR && strncmp (reply->str, "LOADING", 7) == 0) {
            answer = ANSWER_LOADING;
        }
        freeReplyObject (reply);
    }
    if (redis) {
        redisFree (redis);
    }
    return answer;
}

//  Takes over the server that listens on the socket. Returns 0; or -1, with *listens telling whether one
//  is there that does not answer as it should.
static int s_adopt (embedded_t *self, bool *listens)
{
    redis_server_t *server = redis_server_find (self->socket, listens);
    if (!server) {
        return -1;
    }
    char command[64];
    snprintf (command, sizeof command, "CONFIG SET appendfsync %s", self->fsync);
    //  Alive after its answer: so the pid was its own when the watch began.
    if (s_ask (self, command) != ANSWER_OK || redis_server_has_ended (server, 0)) {
        redis_server_destroy (&server);
        return -1;
    }
    self->server = server;
    self->started_ms = s_now_ms ();
    char detail[64];
    snprintf (detail, sizeof detail, "pid=%ld", (long)redis_server_pid (server));
    s_set_state (self, STATE_RUNNING, "redis_adopted", detail);
    return 0;
}

static redis_server_t *s_spawn (const embedded_t *self, int lock)
{
    char *pidfile = data_dir_file (self->dir, "redis.pid");
    const char *const argv[] = {"redis-server", "--port", "0", "--unixsocket", self->socket, "--unixsocketperm", "700",
        "--dir", data_dir_path (self->dir), "--appendonly", "yes", "--appendfsync", self->fsync,
        "--no-appendfsync-on-rewrite", "no", "--auto-aof-rewrite-min-size", "256mb", "--rdbcompression", "no",
        "--maxmemory-policy", "noeviction", "--save", "", "--logfile", self->log, "--daemonize", "no", "--pidfile",
        pidfile, NULL};
    redis_server_t *server = redis_server_spawn ((char *const *)argv, self->log, lock);
    int saved_errno = errno;
    free (pidfile);
    errno = saved_errno;
    return server;
}

static void s_put_off (embedded_t *self)
{
    self->retry_at_ms = s_now_ms () + self->pause_ms;
    self->pause_ms = self->pause_ms ? self->pause_ms * 2 : FIRST_PAUSE_MS;
    if (self->pause_ms > LONGEST_PAUSE_MS) {
        self->pause_ms = LONGEST_PAUSE_MS;
    }
}

//  Starts a server, without waiting for it. Returns 0; or -1 with the error and the next try put off.
static int s_start (embedded_t *self, char *error, size_t error_size)
{
    char detail[256];
    struct stat status;
    self->log_start = stat (self->log, &status) == 0 ? status.st_size : 0;
    int lock = data_dir_claim (self->dir);
    self->server = lock < 0 ? NULL : s_spawn (self, lock);
    if (!self->server) {
        snprintf (error, error_size, "cannot start redis-server: %s",
            lock < 0 ? "another one still lives in data_dir" : strerror (errno));
        s_put_off (self);
        snprintf (detail, sizeof detail, "error=\"%s\"", error);
        s_set_state (self, STATE_DOWN, "redis_not_started", detail);
        return -1;
    }
    self->started_ms = s_now_ms ();
    snprintf (detail, sizeof detail, "pid=%ld socket=%s", (long)redis_server_pid (self->server), self->socket);
    s_set_state (self, STATE_RUNNING, "redis_started", detail);
    return 0;
}

//  The last line that the server of this run logged or printed; "" when it did not say a word.
static void s_last_words (const embedded_t *self, char *line, size_t line_size)
{
    char tail[4096];
    struct stat status;
    size_t size = 0;
    int fd = open (self->log, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat (fd, &status) == 0 && status.st_size > self->log_start) {
        off_t from = status.st_size - (off_t)sizeof tail;
        ssize_t got = pread (fd, tail, sizeof tail, from > self->log_start ? from : self->log_start);
        size = got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0) {
        close (fd);
    }
    while (size && (tail[size - 1] == '\n' || tail[size - 1] == '\r')) {
        size--;
    }
    const char *newline = memrchr (tail, '\n', size);
    const char *last = newline ? newline + 1 : tail;
    snprintf (line, line_size, "%.*s", (int)(tail + size - last), last);
}

//  The server has ended: reaps it and plans the next start.
static void s_note_end (embedded_t *self)
{
    char detail[640], words[512];
    s_last_words (self, words, sizeof words);
    snprintf (detail, sizeof detail, "pid=%ld %s said=\"%s\"", (long)redis_server_pid (self->server),
        redis_server_end (self->server), words);
    redis_server_destroy (&self->server);
    if (s_now_ms () - self->started_ms >= STABLE_MS) {
        self->pause_ms = 0;
    }
    s_put_off (self);
    s_set_state (self, STATE_DOWN, "redis_ended", detail);
}

//  Waits until the server that was started answers. Returns -1 with the error when it ended instead, or
//  never answered.
static int s_wait_until_up (embedded_t *self, char *error, size_t error_size)
{
    int64_t loading_since = 0;
    while (s_now_ms () - self->started_ms < START_MS) {
        if (redis_server_has_ended (self->server, TICK_MS)) {
            char words[512];
            s_last_words (self, words, sizeof words);
            snprintf (error, error_size, "redis-server ended at start: %s (see %s)",
                *words ? words : "it did not say why", self->log);
            s_note_end (self);
            return -1;
        }
        answer_t answer = s_ask (self, "PING");
        if (answer == ANSWER_LOADING && !loading_since) {
            loading_since = s_now_ms ();
        }
        if (answer == ANSWER_OK || (answer == ANSWER_LOADING && s_now_ms () - loading_since >= LOADING_MS)) {
            return 0;
        }
    }
    snprintf (error, error_size, "redis-server does not answer on %s (see %s)", self->socket, self->log);
    return -1;
}

//  A server that a killed bridge left may be about to listen, busy, or about to end.
static int s_adopt_or_start (embedded_t *self, char *error, size_t error_size)
{
    int64_t until_ms = s_now_ms () + OCCUPIED_MS;
    do {
        bool listens;
        if (s_adopt (self, &listens) == 0) {
            return 0;
        }
        if (!listens && data_dir_claim (self->dir) >= 0) {
            return s_start (self, error, error_size) ? -1 : s_wait_until_up (self, error, error_size);
        }
        poll (NULL, 0, TICK_MS);
    } while (s_now_ms () < until_ms);
    snprintf (error, error_size, "redis.data_dir: a redis-server that does not answer is at work in %s: end it first",
        data_dir_path (self->dir));
    return -1;
}

//  unix:// and the path, with what would end a URL's path escaped; the caller owns it.
static char *s_url (const char *path)
{
    char *url = malloc (sizeof "unix://" + 3 * strlen (path));
    char *to = stpcpy (url, "unix://");
    for (; *path; path++) {
        to += sprintf (to, strchr ("%?#", *path) ? "%%%02X" : "%c", (unsigned char)*path);
    }
    return url;
}

static int s_check_socket_path (const embedded_t *self, char *error, size_t error_size)
{
    size_t size = strlen (self->socket);
    if (size <= SOCKET_PATH_BYTES) {
        return 0;
    }
    snprintf (error, error_size,
        "redis.data_dir: %s is %zu bytes, a unix socket's path has at most %d: choose a shorter one", self->socket,
        size, SOCKET_PATH_BYTES);
    return -1;
}

embedded_t *embedded_new (const char *data_dir, const char *fsync, char *error, size_t error_size)
{
    if (redis_server_check (error, error_size)) {
        return NULL;
    }
    data_dir_t *dir = data_dir_new (data_dir, error, error_size);
    if (!dir) {
        return NULL;
    }
    embedded_t *self = calloc (1, sizeof *self);
    self->dir = dir;
    self->fsync = strdup (fsync);
    self->socket = data_dir_file (dir, "redis.sock");
    self->log = data_dir_file (dir, "redis.log");
    self->url = s_url (self->socket);
    if (s_check_socket_path (self, error, error_size) || s_adopt_or_start (self, error, error_size)) {
        embedded_destroy (&self);
    }
    return self;
}

const char *embedded_url (const embedded_t *self)
{
    return self->url;
}

int embedded_fd (const embedded_t *self)
{
    return self->state == STATE_RUNNING ? redis_server_fd (self->server) : -1;
}

void embedded_revive (embedded_t *self)
{
    if (self->state == STATE_RUNNING && redis_server_has_ended (self->server, 0)) {
        s_note_end (self);
    }
    if (self->state == STATE_DOWN && s_now_ms () >= self->retry_at_ms) {
        char error[128];  //  s_start has logged it
        s_start (self, error, sizeof error);
    }
}

long embedded_retry_ms (const embedded_t *self)
{
    if (self->state == STATE_RUNNING) {
        return -1;
    }
    int64_t left_ms = self->retry_at_ms - s_now_ms ();
    return left_ms > 0 ? (long)left_ms : 0;
}

//  In neither case is the server killed: it would lose what it has not yet written.
static void s_stop (embedded_t *self)
{
    long pid = (long)redis_server_pid (self->server);
    redis_server_terminate (self->server);
    if (redis_server_has_ended (self->server, STOP_MS)) {
        log_write (LEVEL_INFO, "main", "redis_stopped", "pid=%ld %s", pid, redis_server_end (self->server));
    } else {
        log_write (LEVEL_WARN, "main", "redis_left_running", "pid=%ld waited_ms=%d", pid, STOP_MS);
    }
    redis_server_destroy (&self->server);
}

void embedded_destroy (embedded_t **self_p)
{
    embedded_t *self = *self_p;
    if (!self) {
        return;
    }
    if (self->state == STATE_RUNNING) {
        s_stop (self);
    }
    data_dir_destroy (&self->dir);
    free (self->fsync);
    free (self->socket);
    free (self->log);
    free (self->url);
    free (self);
    *self_p = NULL;
}
