//  target - where Redis is. Plain values; whoever holds one owns it.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "target.h"

static int s_hex (char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

//  Copies size bytes with %XX decoded; the caller owns the copy.
static char *s_decoded (const char *text, size_t size)
{
    char *copy = malloc (size + 1);
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '%' && i + 2 < size && s_hex (text[i + 1]) >= 0 && s_hex (text[i + 2]) >= 0) {
            copy[n++] = (char)(s_hex (text[i + 1]) * 16 + s_hex (text[i + 2]));
            i += 2;
        } else {
            copy[n++] = text[i];
        }
    }
    copy[n] = 0;
    return copy;
}

//  A number from 0 to max with nothing behind it, or -1.
static int s_number (const char *text, long max)
{
    char *end;
    long value = strtol (text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == 0 && value <= max ? (int)value : -1;
}

static void s_take_login (target_t *self, const char *login, size_t size)
{
    const char *colon = memchr (login, ':', size);
    size_t user = colon ? (size_t)(colon - login) : size;
    if (user) {
        self->user = s_decoded (login, user);
    }
    if (colon) {
        self->password = s_decoded (colon + 1, size - user - 1);
    }
}

static int s_parse_tcp (target_t *self, const char *rest)
{
    const char *slash = strchr (rest, '/');
    const char *end = slash ? slash : rest + strlen (rest);
    const char *at = memrchr (rest, '@', (size_t)(end - rest));
    if (at) {
        s_take_login (self, rest, (size_t)(at - rest));
        rest = at + 1;
    }
    const char *bracket = *rest == '[' ? memchr (rest, ']', (size_t)(end - rest)) : NULL;
    const char *from = bracket ? bracket : rest;
    const char *colon = memchr (from, ':', (size_t)(end - from));
    const char *host_end = bracket ? bracket : colon ? colon : end;
    self->host = s_decoded (rest + (bracket ? 1 : 0), (size_t)(host_end - rest) - (bracket ? 1 : 0));
    self->port = 6379;
    if (colon) {
        char *port = strndup (colon + 1, (size_t)(end - colon - 1));
        self->port = s_number (port, 65535);
        free (port);
    }
    self->db = slash && slash[1] ? s_number (slash + 1, 1000000) : 0;
    return *self->host && self->port > 0 && self->db >= 0 ? 0 : -1;
}

static int s_parse_unix (target_t *self, const char *rest)
{
    const char *question = strchrnul (rest, '?');
    self->path = s_decoded (rest, (size_t)(question - rest));
    while (*question) {
        const char *option = question + 1;
        question = strchrnul (option, '&');
        size_t size = (size_t)(question - option);
        const char *equals = memchr (option, '=', size);
        if (!equals) {
            return -1;
        }
        char *value = s_decoded (equals + 1, size - (size_t)(equals + 1 - option));
        if (strncmp (option, "password=", 9) == 0 && !self->password) {
            self->password = value;
        } else if (strncmp (option, "user=", 5) == 0 && !self->user) {
            self->user = value;
        } else {
            self->db = strncmp (option, "db=", 3) == 0 ? s_number (value, 1000000) : -1;
            free (value);
            if (self->db < 0) {
                return -1;
            }
        }
    }
    return self->path[0] == '/' ? 0 : -1;
}

int target_parse (target_t *self, const char *url)
{
    memset (self, 0, sizeof *self);
    int rc = -1;
    if (strncmp (url, "redis://", 8) == 0) {
        rc = s_parse_tcp (self, url + 8);
    } else if (strncmp (url, "unix://", 7) == 0) {
        rc = s_parse_unix (self, url + 7);
    }
    if (rc) {
        target_clear (self);
    }
    return rc;
}

void target_clear (target_t *self)
{
    free (self->host);
    free (self->path);
    free (self->user);
    free (self->password);
    memset (self, 0, sizeof *self);
}

redisContext *target_connect (const target_t *self)
{
    return self->path ? redisConnectUnixNonBlock (self->path) : redisConnectNonBlock (self->host, self->port);
}

static bool s_command_ok (redisContext *redis, int argc, const char **argv)
{
    redisReply *reply = redisCommandArgv (redis, argc, argv, NULL);
    bool ok = reply && reply->type != REDIS_REPLY_ERROR;
    freeReplyObject (reply);
    return ok;
}

redisContext *target_open (const target_t *self, int timeout_ms)
{
    struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    redisContext *redis = self->path ? redisConnectUnixWithTimeout (self->path, timeout)
                                     : redisConnectWithTimeout (self->host, self->port, timeout);
    bool ok = redis && !redis->err && redisSetTimeout (redis, timeout) == REDIS_OK;
    if (ok && self->password) {
        const char *with_user[] = {"AUTH", self->user, self->password};
        const char *without[] = {"AUTH", self->password};
        ok = self->user ? s_command_ok (redis, 3, with_user) : s_command_ok (redis, 2, without);
    }
    if (ok && self->db) {
        char db[16];
        snprintf (db, sizeof db, "%d", self->db);
        const char *select[] = {"SELECT", db};
        ok = s_command_ok (redis, 2, select);
    }
    if (!ok && redis) {
        redisFree (redis);
        redis = NULL;
    }
    return redis;
}

void target_describe (const target_t *self, char *to, size_t size)
{
    if (self->path) {
        snprintf (to, size, "%s", self->path);
    } else {
        snprintf (to, size, "%s:%d/%d", self->host, self->port, self->db);
    }
}
