//  link - one connection to Redis that comes back by itself. Runs in its owner's thread and shares nothing.
//
//      DOWN --s_connect--> CONNECTING --s_greet--> GREETING --s_on_hello--> UP
//       ^                      |                       |                     |
//       +------ s_drop --------+-----------------------+---------------------+
//
//  What is sent and not answered waits in the outbox, in order.
//  hiredis connects and parses; the asynchronous half of hiredis is not used, since its output buffer copies
//  each command once more and cannot be bounded.

#include <czmq.h>
#include "link.h"
#include "log.h"
#include "outbox.h"
#include "store.h"
#include "target.h"
#include "terms.h"

enum {
    PAUSE_FIRST_MS = 20,  //  between attempts to connect, doubled up to the last
    PAUSE_LAST_MS = 1000,
    STEADY_MS = 2000,   //  a connection that served so long was a good one
    CONNECT_MS = 3000,  //  for connect and greeting
    STALL_MS = 20000,   //  without a byte while replies are due: the peer is gone
};

typedef enum { LINK_DOWN, LINK_CONNECTING, LINK_GREETING, LINK_UP } state_t;

struct link {
    const char *actor;
    char *prefix;
    target_t target;
    link_state_fn *on_state;
    struct {
        const char *pubsub_channel;
        link_message_fn *fn;
    } listens[LINK_LISTEN];
    size_t listen_count;  //  0: takes commands
    void *owner;

    state_t state;
    redisContext *redis;    //  NULL while DOWN
    int64_t connect_at_ms;  //  DOWN: when to try
    int64_t give_up_at_ms;  //  CONNECTING, GREETING: until when
    int64_t heard_at_ms;    //  UP: when bytes came last, or nothing was due
    int64_t pause_ms;
    char trouble[160];  //  why it is down; "" while up
    bool told;          //  this outage has been logged
    bool drop_wanted;   //  a reply said that this connection is of no use
    int64_t up_at_ms;   //  when it came up last
    uint64_t connects;

    outbox_t *outbox;
    link_store_t store;
    terms_t terms;
    bool tells;    //  logs what is doubtful about Redis
    bool strict;   //  and does not serve then
    bool refused;  //  did not serve the last time
    char digest[SCRIPT_COUNT][41];
};

static void s_greet (link_t *self);

static void s_set_state (link_t *self, state_t state)
{
    self->state = state;
}

static void s_push (link_t *self, pending_t pending)
{
    if (outbox_count (self->outbox) == 0) {
        self->heard_at_ms = zclock_mono ();
    }
    outbox_push (self->outbox, pending);
}

//  Answers the oldest pending command.
static void s_answer (link_t *self, redisReply *reply)
{
    pending_t pending = outbox_pop (self->outbox);
    if (pending.fn) {
        pending.fn (pending.owner, pending.arg, reply);
    }
    if (pending.owned) {
        free ((char *)pending.data);
    }
}

//  Going down

static void s_drop (link_t *self, const char *why)
{
    bool was_up = self->state == LINK_UP;
    //  A Redis that greets and then refuses, such as a replica, is not asked again at once; one that was cut off is.
    if (was_up && (!self->drop_wanted || zclock_mono () >= self->up_at_ms + STEADY_MS)) {
        self->pause_ms = PAUSE_FIRST_MS;
    }
    snprintf (self->trouble, sizeof self->trouble, "%s", why);
    if (!self->told) {
        char where[160];
        target_describe (&self->target, where, sizeof where);
        log_write (LEVEL_WARN, self->actor, "redis_down", "redis=%s why=\"%s\"", where, why);
        self->told = true;
    }
    s_set_state (self, LINK_DOWN);
    redisFree (self->redis);
    self->redis = NULL;
    self->connect_at_ms = zclock_mono () + self->pause_ms;
    self->pause_ms = self->pause_ms * 2 > PAUSE_LAST_MS ? PAUSE_LAST_MS : self->pause_ms * 2;
    self->drop_wanted = false;
    self->listen_count = 0;
    while (outbox_count (self->outbox)) {
        s_answer (self, NULL);
    }
    if (was_up && self->on_state) {
        self->on_state (self->owner, false);
    }
}

//  Drops the connection for what a reply said, when one said that it will not serve, else for `why`.
static void s_fail (link_t *self, const char *why)
{
    char said[sizeof self->trouble];
    memcpy (said, self->trouble, sizeof said);
    s_drop (self, self->drop_wanted ? said : why);
}

static void s_connect (link_t *self)
{
    self->redis = target_connect (&self->target);
    self->give_up_at_ms = zclock_mono () + CONNECT_MS;
    if (!self->redis || self->redis->err) {
        s_drop (self, self->redis ? self->redis->errstr : "out of memory");
    } else {
        s_set_state (self, LINK_CONNECTING);
    }
}

//  The greeting: each reply is checked; an error ends the attempt.

static void s_end_greeting (link_t *self, const char *what, const redisReply *reply)
{
    if (self->drop_wanted) {
        return;  //  the first error is the one that tells
    }
    char why[160];
    snprintf (why, sizeof why, "%s: %s", what, reply->type == REDIS_REPLY_ERROR ? reply->str : "unexpected reply");
    snprintf (self->trouble, sizeof self->trouble, "%s", why);
    self->drop_wanted = true;
}

static void s_on_login (void *owner, void *arg, redisReply *reply)
{
    if (reply && reply->type == REDIS_REPLY_ERROR) {
        s_end_greeting (owner, arg, reply);
    }
}

//  Copies the value of "name:value\r\n" out of INFO's text.
static void s_info_field (const char *info, const char *name, char *to, size_t size)
{
    const char *at = strstr (info, name);
    to[0] = 0;
    if (at) {
        at += strlen (name);
        snprintf (to, size, "%.*s", (int)strcspn (at, "\r\n"), at);
    }
}

static void s_on_terms (void *owner, void *arg, redisReply *reply)
{
    link_t *self = owner;
    terms_take (&self->terms, reply);
}

static void s_on_loaded (void *owner, void *arg, redisReply *reply)
{
    link_t *self = owner;
    if (reply && reply->type == REDIS_REPLY_STRING && reply->len == 40) {
        memcpy (self->digest[(size_t)arg], reply->str, 41);
    } else if (reply) {
        s_end_greeting (self, "SCRIPT LOAD", reply);
    }
}

//  Says what is doubtful about this Redis. True when the link is not to serve with it.
static bool s_is_refused (link_t *self)
{
    const char *doubt;
    for (size_t i = 0; self->tells && !self->refused && (doubt = terms_doubt (&self->terms, i)); i++) {
        log_write (LEVEL_WARN, self->actor, "redis_doubtful", "why=\"%s\"", doubt);
    }
    doubt = self->strict ? terms_doubt (&self->terms, 0) : NULL;
    self->refused = doubt != NULL;
    if (doubt) {
        snprintf (self->trouble, sizeof self->trouble, "strict: %s", doubt);
        self->drop_wanted = true;
    }
    return doubt != NULL;
}

static void s_on_hello (void *owner, void *arg, redisReply *reply)
{
    link_t *self = owner;
    if (!reply || self->drop_wanted) {
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 4) {
        s_end_greeting (self, "hello", reply);
        return;
    }
    if (s_is_refused (self)) {
        return;
    }
    snprintf (self->store.store, sizeof self->store.store, "%s", reply->element[0]->str);
    snprintf (self->store.epoch, sizeof self->store.epoch, "%s", reply->element[1]->str);
    self->store.born = reply->element[2]->integer == 1;
    self->store.durability = terms_durability (&self->terms);
    self->store.clock_ahead_ms = reply->element[3]->integer - zclock_time ();
    s_set_state (self, LINK_UP);
    self->up_at_ms = zclock_mono ();
    self->trouble[0] = 0;
    self->told = false;
    self->connects++;
    char where[160];
    target_describe (&self->target, where, sizeof where);
    log_write (LEVEL_INFO, self->actor, "redis_up", "redis=%s version=%s store=%s epoch=%s durability=%s", where,
        self->store.version, self->store.store, self->store.epoch, self->store.durability);
    if (self->on_state) {
        self->on_state (self->owner, true);
    }
}

static void s_send_words (link_t *self, link_reply_fn *fn, void *owner, void *arg, int argc, const span_t *words)
{
    const char *data[argc];
    size_t sizes[argc];
    for (int i = 0; i < argc; i++) {
        data[i] = words[i].data;
        sizes[i] = words[i].size;
    }
    char *command;
    int size = redisFormatCommandArgv (&command, argc, data, sizes);
    assert (size > 0);
    s_push (self, (pending_t){command, (size_t)size, true, {0}, fn, owner, arg});
}

//  INFO tells run_id, without which hello cannot be said.
static void s_on_info (void *owner, void *arg, redisReply *reply)
{
    link_t *self = owner;
    if (!reply || self->drop_wanted) {
        return;
    }
    if (reply->type != REDIS_REPLY_STRING) {
        s_end_greeting (self, "INFO", reply);
        return;
    }
    s_info_field (reply->str, "run_id:", self->store.run_id, sizeof self->store.run_id);
    s_info_field (reply->str, "valkey_version:", self->store.version, sizeof self->store.version);
    if (!self->store.version[0]) {
        s_info_field (reply->str, "redis_version:", self->store.version, sizeof self->store.version);
    }
    int major = 0, minor = 0;
    sscanf (self->store.version, "%d.%d", &major, &minor);
    if (major * 100 + minor < 602) {
        snprintf (self->trouble, sizeof self->trouble, "Redis %s is older than 6.2", self->store.version);
        self->drop_wanted = true;
        return;
    }
    //  Not before: Redis cuts off who says more than 16 KiB without having logged in, instead of telling why.
    link_load_scripts (self);
    char *key = store_key (self->prefix, "store");
    zuuid_t *epoch = zuuid_new (), *store = zuuid_new ();
    span_t words[] = {span_text ("EVAL"), script_text (SCRIPT_HELLO), span_text ("1"), span_text (key),
        span_text (self->store.run_id), span_text (zuuid_str (epoch)), span_text (zuuid_str (store))};
    s_send_words (self, s_on_hello, self, NULL, 7, words);
    zuuid_destroy (&epoch);
    zuuid_destroy (&store);
    free (key);
}

static void s_greet (link_t *self)
{
    s_set_state (self, LINK_GREETING);
    const target_t *target = &self->target;
    if (target->host) {
        redisEnableKeepAlive (self->redis);
    }
    if (target->password) {
        span_t with_user[] = {
            span_text ("AUTH"), span_text (target->user ? target->user : ""), span_text (target->password)};
        span_t without[] = {span_text ("AUTH"), span_text (target->password)};
        s_send_words (self, s_on_login, self, "AUTH", target->user ? 3 : 2, target->user ? with_user : without);
    }
    if (target->db) {
        char db[16];
        snprintf (db, sizeof db, "%d", target->db);
        span_t words[] = {span_text ("SELECT"), span_text (db)};
        s_send_words (self, s_on_login, self, "SELECT", 2, words);
    }
    self->terms = (terms_t){.min_replicas = self->terms.min_replicas};
    for (size_t i = 0; i < TERMS_QUESTIONS; i++) {
        span_t words[TERMS_WORDS] = {{NULL, 0}};
        int count = 0;
        while (count < TERMS_WORDS && terms_questions[i][count]) {
            words[count] = span_text (terms_questions[i][count]);
            count++;
        }
        s_send_words (self, s_on_terms, self, NULL, count, words);
    }
    //  A Redis that loads answers INFO, and refuses this.
    char *key = store_key (self->prefix, "store");
    span_t id[] = {span_text ("HGET"), span_text (key), span_text ("id")};
    s_send_words (self, s_on_login, self, "HGET", 3, id);
    free (key);
    span_t info[] = {span_text ("INFO"), span_text ("server")};
    s_send_words (self, s_on_info, self, NULL, 2, info);
}

//  Reading and writing

//  These replies mean that this connection will not serve; nothing was changed by the command.
static bool s_means_drop (const redisReply *reply)
{
    static const char *const words[] = {"LOADING", "READONLY", "MASTERDOWN", "NOAUTH"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strncmp (reply->str, words[i], strlen (words[i])) == 0) {
            return true;
        }
    }
    //  Redis 6.2 puts what a script met behind words of its own: "ERR Error running script (…): … -READONLY You …".
    return strstr (reply->str, "-READONLY ") != NULL;
}

//  Notes when a reply says that this connection will not serve.
static void s_judge (link_t *self, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR && s_means_drop (reply) && !self->drop_wanted) {
        self->drop_wanted = true;
        snprintf (self->trouble, sizeof self->trouble, "%s", reply->str);
    }
}

//  Gives a message, ["message", channel, text], to whoever listens. Returns false when it is something else.
static bool s_give_message (link_t *self, const redisReply *reply)
{
    if (self->listen_count == 0 || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
        reply->element[0]->type != REDIS_REPLY_STRING || !streq (reply->element[0]->str, "message")) {
        return false;
    }
    for (size_t i = 0; i < self->listen_count; i++) {
        if (streq (reply->element[1]->str, self->listens[i].pubsub_channel)) {
            self->listens[i].fn (self->owner, span_of (reply->element[2]->str, reply->element[2]->len));
        }
    }
    return true;
}

//  Somebody emptied Redis's script cache. The link repeats its own commands, whose order with others does not matter,
//  as an EVAL, which needs no cache and fills it; for the borrowed ones their sender has to. Returns whether it did.
static bool s_send_as_eval (link_t *self, const redisReply *reply)
{
    span_t text = outbox_first (self->outbox)->text;
    if (!text.size || reply->type != REDIS_REPLY_ERROR || strncmp (reply->str, "NOSCRIPT", 8) != 0) {
        return false;
    }
    pending_t pending = outbox_pop (self->outbox);
    //  *n $7 EVALSHA $40 digest …
    int begin = (int)strcspn (pending.data, "$");
    const char *rest = pending.data + begin + strlen ("$7\r\nEVALSHA\r\n$40\r\n") + 40;
    size_t rest_size = pending.size - (size_t)(rest - pending.data);
    char *command = malloc (pending.size + text.size + 64);
    int size = sprintf (command, "%.*s$4\r\nEVAL\r\n$%zu\r\n", begin, pending.data, text.size);
    memcpy (command + size, text.data, text.size);
    memcpy (command + size + text.size, rest, rest_size);
    free ((char *)pending.data);
    pending.data = command;
    pending.size = (size_t)size + text.size + rest_size;
    pending.text = span_of (NULL, 0);
    s_push (self, pending);
    return true;
}

static void s_read (link_t *self)
{
    void *reply = NULL;
    int rc = redisBufferRead (self->redis);
    self->heard_at_ms = zclock_mono ();
    while (rc == REDIS_OK && (rc = redisGetReplyFromReader (self->redis, &reply)) == REDIS_OK && reply) {
        if (s_give_message (self, reply)) {
            //  Nobody had asked for it.
        } else if (outbox_count (self->outbox) == outbox_unwritten (self->outbox)) {
            rc = REDIS_ERR;
        } else {
            s_judge (self, reply);
            if (!s_send_as_eval (self, reply)) {
                s_answer (self, reply);
            }
        }
        freeReplyObject (reply);
        reply = NULL;
    }
    if (rc != REDIS_OK) {
        s_fail (self, self->redis->err ? self->redis->errstr : "a reply that nothing asked for");
    }
}

void link_write (link_t *self)
{
    if (self->redis && self->state >= LINK_GREETING && outbox_write (self->outbox, self->redis->fd)) {
        const char *why = strerror (errno);
        s_read (self);  //  what Redis said before it closed tells more
        if (self->redis) {
            s_fail (self, why);
        }
    }
}

static void s_finish_connect (link_t *self)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt (self->redis->fd, SOL_SOCKET, SO_ERROR, &error, &size) || error) {
        s_drop (self, strerror (error ? error : errno));
    } else {
        s_greet (self);
    }
}

void link_work (link_t *self, short revents)
{
    int64_t now_ms = zclock_mono ();
    if (self->state == LINK_DOWN && now_ms >= self->connect_at_ms) {
        s_connect (self);
    } else if (self->state == LINK_CONNECTING && revents) {
        s_finish_connect (self);
    } else if (self->state >= LINK_GREETING && revents & (ZMQ_POLLIN | ZMQ_POLLERR)) {
        s_read (self);
    }
    bool starting = self->state == LINK_CONNECTING || self->state == LINK_GREETING;
    if (self->drop_wanted && self->redis) {
        s_fail (self, self->trouble);
    } else if (starting && now_ms >= self->give_up_at_ms) {
        s_drop (self, "no answer in time");
    } else if (self->state == LINK_UP && outbox_count (self->outbox) && now_ms >= self->heard_at_ms + STALL_MS) {
        s_drop (self, "no reply for 20 seconds");
    }
    link_write (self);
}

int64_t link_deadline_ms (const link_t *self)
{
    switch (self->state) {
    case LINK_DOWN:
        return self->connect_at_ms;
    case LINK_UP:
        return outbox_count (self->outbox) ? self->heard_at_ms + STALL_MS : INT64_MAX;
    default:
        return self->give_up_at_ms;
    }
}

int64_t link_silent_since_ms (const link_t *self)
{
    return self->state == LINK_UP && outbox_count (self->outbox) ? self->heard_at_ms : 0;
}

int link_fd (const link_t *self)
{
    return self->redis ? self->redis->fd : -1;
}

short link_events (const link_t *self)
{
    if (self->state == LINK_CONNECTING) {
        return ZMQ_POLLOUT;
    }
    return outbox_unwritten (self->outbox) ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN;
}

//  Sending

void link_send (link_t *self, const void *command, size_t size, link_reply_fn *fn, void *arg)
{
    assert (self->state == LINK_UP);
    s_push (self, (pending_t){command, size, false, {0}, fn, self->owner, arg});
}

void link_command (link_t *self, link_reply_fn *fn, void *arg, int argc, const span_t *words)
{
    assert (self->state == LINK_UP);
    s_send_words (self, fn, self->owner, arg, argc, words);
}

void link_script (link_t *self, script_t script, link_reply_fn *fn, void *arg, int argc, const span_t *words)
{
    span_t all[argc + 2];
    all[0] = span_text ("EVALSHA");
    all[1] = span_text (self->digest[script]);
    memcpy (all + 2, words, (size_t)argc * sizeof *words);
    link_command (self, fn, arg, argc + 2, all);
    outbox_last (self->outbox)->text = script_text (script);
}

void link_load_scripts (link_t *self)
{
    for (size_t i = 0; i < SCRIPT_COUNT; i++) {
        span_t words[] = {span_text ("SCRIPT"), span_text ("LOAD"), script_text ((script_t)i)};
        s_send_words (self, s_on_loaded, self, (void *)i, 3, words);
    }
}

void link_listen (link_t *self, const char *pubsub_channel, link_message_fn *fn, link_reply_fn *listening)
{
    assert (self->listen_count < LINK_LISTEN);
    span_t words[] = {span_text ("SUBSCRIBE"), span_text (pubsub_channel)};
    self->listens[self->listen_count].pubsub_channel = pubsub_channel;
    self->listens[self->listen_count++].fn = fn;
    link_command (self, listening, NULL, 2, words);
}

void link_reset (link_t *self, const char *why)
{
    if (self->redis) {
        s_drop (self, why);
    }
}

//  Life

link_t *link_new (const char *actor, const char *url, const char *prefix, link_state_fn *on_state, void *owner)
{
    link_t *self = calloc (1, sizeof *self);
    int rc = target_parse (&self->target, url);
    assert (rc == 0);
    self->actor = actor;
    self->prefix = strdup (prefix);
    self->on_state = on_state;
    self->owner = owner;
    self->pause_ms = PAUSE_FIRST_MS;
    self->store.durability = "memory";
    snprintf (self->trouble, sizeof self->trouble, "not connected yet");
    self->outbox = outbox_new ();
    return self;
}

void link_destroy (link_t **self_p)
{
    link_t *self = *self_p;
    if (self) {
        self->on_state = NULL;
        self->told = true;
        if (self->redis) {
            s_drop (self, "closing");
        }
        target_clear (&self->target);
        free (self->prefix);
        outbox_destroy (&self->outbox);
        free (self);
        *self_p = NULL;
    }
}

void link_judge (link_t *self, bool tells, bool strict, int64_t min_replicas)
{
    self->tells = tells;
    self->strict = strict;
    self->terms.min_replicas = min_replicas;
}

bool link_is_up (const link_t *self)
{
    return self->state == LINK_UP;
}

const link_store_t *link_store (const link_t *self)
{
    return &self->store;
}

const char *link_trouble (const link_t *self)
{
    return self->trouble;
}

uint64_t link_connects (const link_t *self)
{
    return self->connects;
}

const char *link_digest (const link_t *self, script_t script)
{
    return self->digest[script];
}
