//  config_table - the rows, and the rules for the texts among them. Constants: any thread may read them.

#include "config_table.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "target.h"

enum { NAME_BYTES = 64, PATH_BYTES = 4096, IPC_PATH_BYTES = 107, UNIX_PATH_BYTES = 106 };  //  106: see embedded.c

static bool s_has_control (const char *text)
{
    for (; *text; text++) {
        if (iscntrl ((unsigned char)*text)) {
            return true;
        }
    }
    return false;
}

static const char *s_check_name (const char *text)
{
    size_t size = strlen (text);
    if (size < 1 || size > NAME_BYTES) {
        return "not 1 to 64 bytes";
    }
    return s_has_control (text) || strchr (text, ' ') ? "has a space or a control character" : NULL;
}

//  Keys of Redis are <prefix>:{<channel>}:…, so a brace would move the hash tag.
static const char *s_check_prefix (const char *text)
{
    return strpbrk (text, "{}") ? "has a brace" : s_check_name (text);
}

static const char *s_check_path (const char *text)
{
    if (!*text) {
        return "empty";
    }
    if (strlen (text) > PATH_BYTES) {
        return "longer than 4096 bytes";
    }
    return s_has_control (text) ? "has a control character" : NULL;
}

static const char *s_check_url (const char *text)
{
    target_t target;
    if (s_has_control (text) || strchr (text, ' ') || target_parse (&target, text)) {
        return "not redis://[user:password@]host[:port][/db] or unix:///path[?db=N&password=…]";
    }
    bool fits = !target.path || strlen (target.path) <= UNIX_PATH_BYTES;
    target_clear (&target);
    return fits ? NULL : "the path of a unix socket is longer than 106 bytes";
}

static const char *s_check_tcp (const char *address)
{
    const char *colon = strrchr (address, ':');
    if (!colon || colon == address) {
        return "not tcp://address:port";
    }
    if (strcmp (colon, ":*") == 0) {
        return NULL;
    }
    size_t digits = strspn (colon + 1, "0123456789");
    bool is_port = digits >= 1 && digits <= 5 && !colon[1 + digits] && atol (colon + 1) <= 65535;
    return is_port ? NULL : "the port is neither 0 to 65535 nor *";
}

static const char *s_check_endpoint (const char *text)
{
    if (s_has_control (text) || strchr (text, ' ')) {
        return "has a space or a control character";
    }
    if (strncmp (text, "tcp://", 6) == 0) {
        return s_check_tcp (text + 6);
    }
    if (strncmp (text, "ipc://", 6) != 0) {
        return "begins with neither tcp:// nor ipc://";
    }
    if (!text[6]) {
        return "not ipc:///path";
    }
    return strlen (text + 6) > IPC_PATH_BYTES ? "the path is longer than 107 bytes" : NULL;
}

#define FIELD(section_, key_) .section = section_, .key = #key_, .offset = offsetof (config_t, key_)

#define TEXT(section_, key_, default_, check_, comment_)                                                               \
    {                                                                                                                  \
        FIELD (section_, key_), .type = KEY_TEXT, .text = default_, .check = check_, .comment = comment_               \
    }
#define WORD(section_, key_, default_, words_, comment_)                                                               \
    {                                                                                                                  \
        FIELD (section_, key_), .type = KEY_TEXT, .text = default_, .words = words_, .comment = comment_               \
    }
#define COUNT(section_, key_, default_, min_, max_, comment_)                                                          \
    {                                                                                                                  \
        FIELD (section_, key_), .type = KEY_COUNT, .number = default_, .min = min_, .max = max_, .comment = comment_   \
    }
#define LIST(section_, key_, default_, min_, comment_)                                                                 \
    {                                                                                                                  \
        FIELD (section_, key_), .type = KEY_LIST, .text = default_, .min = min_, .check = s_check_endpoint,            \
                                .comment = comment_                                                                    \
    }

const config_key_t config_table[] = {
    TEXT ("bridge", name, "zrbridge", s_check_name,
        "What this bridge calls itself in info: 1 to 64 bytes without spaces."),
    WORD ("bridge", log_level, "info", "error, warn, info, debug",
        "Least weight of what is logged: error, warn, info or debug."),
    COUNT ("bridge", grace_ms, 10000, 0, 3600000,
        "Milliseconds that a stop may take to store and send what has arrived: 0 to 3600000."),

    WORD ("redis", mode, "embedded", "embedded, server",
        "embedded: a private redis-server that the bridge runs; server: the one at url."),
    TEXT ("redis", data_dir, "./data", s_check_path, "embedded only: where the private redis-server keeps its files."),
    WORD ("redis", fsync, "everysec", "always, everysec, no",
        "embedded only: when writes reach the disk: always (before the answer), everysec or no."),
    TEXT ("redis", url, "redis://127.0.0.1:6379/0", s_check_url,
        "server only: redis://[user:password@]host[:port][/db] or unix:///path/redis.sock[?db=N&password=…]."),
    TEXT ("redis", prefix, "zrb", s_check_prefix,
        "What all keys in Redis begin with: 1 to 64 bytes without spaces or braces."),

    LIST ("ingest", pull, "tcp://127.0.0.1:5551", 1,
        "Where clients' PUSH sockets connect: tcp:// or ipc://, at least one."),
    LIST ("ingest", sub, "tcp://127.0.0.1:5552", 0, "Where clients' PUB sockets connect; [] for nowhere."),
    COUNT ("ingest", max_message_bytes, 1048576, 1, 67108864, "Largest payload: 1 to 67108864 bytes."),
    COUNT ("ingest", max_in_flight, 65536, 1, 16777216,
        "Messages that may wait for Redis before the bridge stops reading: 1 to 16777216."),
    COUNT (
        "ingest", max_in_flight_bytes, 134217728, 65536, 1099511627776, "The same in bytes: 65536 to 1099511627776."),

    LIST ("fanout", pub, "tcp://127.0.0.1:5553", 0, "Where clients' SUB sockets connect; [] for nowhere."),
    COUNT ("fanout", hwm, 100000, 1, 16777216,
        "Messages queued for one slow subscriber before it loses some: 1 to 16777216."),

    LIST ("control", router, "tcp://127.0.0.1:5555", 1, "Where clients' REQ and DEALER sockets connect: at least one."),
    COUNT ("control", max_reply_bytes, 8388608, 65536, 1073741824,
        "Bytes of messages in one reply (always at least one message): 65536 to 1073741824."),
};

const size_t config_table_size = sizeof config_table / sizeof *config_table;
