//  config_table - the rows, and the rules for the texts among them. Constants: any thread may read them.

#include "config_table.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "name.h"
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

static const char *s_check_file (const char *text)
{
    return *text ? s_check_path (text) : NULL;
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

static const char *s_check_http (const char *text)
{
    if (s_has_control (text) || strchr (text, ' ')) {
        return "has a space or a control character";
    }
    const char *colon = strrchr (text, ':');
    return !*text ? NULL : !colon || colon == text ? "not address:port" : s_check_tcp (text);
}

static const char *s_check_glob (const char *text)
{
    return glob_flaw (span_text (text));
}

//  What a subscription can be held against: it is a prefix.
static const char *s_check_topic (const char *text)
{
    size_t size = strcspn (text, "*?[\\");
    bool is_prefix = !text[size] || strcmp (text + size, "*") == 0;
    return is_prefix ? s_check_glob (text) : "neither a name nor one with * behind it";
}

static const char *s_check_group (const char *text)
{
    return name_flaw (span_text (text));
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
#define FLAG(section_, key_, default_, comment_)                                                                       \
    {                                                                                                                  \
        FIELD (section_, key_), .type = KEY_FLAG, .number = default_, .comment = comment_                              \
    }
#define LIST(section_, key_, default_, min_, comment_)                                                                 \
    {                                                                                                                  \
        FIELD (section_, key_), .type = KEY_LIST, .text = default_, .min = min_, .check = s_check_endpoint,            \
                                .comment = comment_                                                                    \
    }

//  In [[channels]], [[workers]] and [[access]]
#define POLICY(key_) .section = "channels", .key = #key_, .offset = offsetof (policy_t, key_)
#define POLICY_COUNT(key_, default_, min_, max_, comment_)                                                             \
    {                                                                                                                  \
        POLICY (key_), .type = KEY_COUNT, .number = default_, .min = min_, .max = max_, .comment = comment_            \
    }
#define WORKERS(key_) .section = "workers", .key = #key_, .offset = offsetof (workers_t, key_)
#define WORKERS_COUNT(key_, default_, min_, max_, comment_)                                                            \
    {                                                                                                                  \
        WORKERS (key_), .type = KEY_COUNT, .number = default_, .min = min_, .max = max_, .comment = comment_           \
    }
#define WORKERS_LIST(key_, default_, check_, comment_)                                                                 \
    {                                                                                                                  \
        WORKERS (key_), .type = KEY_LIST, .text = default_, .min = 1, .check = check_, .comment = comment_             \
    }
#define RULE(key_) .section = "access", .key = #key_, .offset = offsetof (rule_t, key_)
#define RULE_LIST(key_, check_, comment_)                                                                              \
    {                                                                                                                  \
        RULE (key_), .type = KEY_LIST, .check = check_, .comment = comment_                                            \
    }

const config_key_t config_table[] = {
    TEXT ("bridge", name, "zrbridge", s_check_name,
        "What this bridge calls itself in info: 1 to 64 bytes without spaces."),
    WORD ("bridge", log_level, "info", "error, warn, info, debug",
        "Least weight of what is logged: error, warn, info or debug. SIGHUP reads it again."),
    WORD ("bridge", log_format, "text", "text, json",
        "How a line of the log is written: text (key=value) or json (an object)."),
    COUNT ("bridge", grace_ms, 10000, 0, 3600000,
        "Milliseconds that a stop may take to store and send what has arrived: 0 to 3600000."),
    COUNT ("bridge", spin_us, 0, 0, 1000,
        "Microseconds that lane and control look for more before they sleep: 0 to 1000. Takes CPU, saves latency."),

    WORD ("redis", mode, "embedded", "embedded, server",
        "embedded: a private redis-server that the bridge runs; server: the one at url."),
    TEXT ("redis", data_dir, "./data", s_check_path, "embedded only: where the private redis-server keeps its files."),
    WORD ("redis", fsync, "everysec", "always, everysec, no",
        "embedded only: when writes reach the disk: always (before the answer), everysec or no."),
    TEXT ("redis", url, "redis://127.0.0.1:6379/0", s_check_url,
        "server only: redis://[user:password@]host[:port][/db] or unix:///path/redis.sock[?db=N&password=…]."),
    TEXT ("redis", prefix, "zrb", s_check_prefix,
        "What all keys in Redis begin with: 1 to 64 bytes without spaces or braces."),
    FLAG ("redis", strict, false,
        "true: a Redis that can't keep the bridge's promises is refused, not only told in the log."),
    COUNT ("redis", min_replicas, 0, 0, 100, "Replicas that a publish waits for, and tells of: 0 to 100; 0 asks none."),

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

    TEXT ("monitor", http, "127.0.0.1:5580", s_check_http,
        "Where metrics and health are told over HTTP, as address:port; empty for nowhere."),

    FLAG ("security", curve, false, "true: all sockets speak CURVE, and only the clients in clients_dir get in."),
    TEXT ("security", secret_key, "", s_check_file,
        "With curve: the file of the bridge's certificate with the secret key, as zrb keygen makes it."),
    TEXT ("security", clients_dir, "", s_check_file,
        "With curve: the directory of the clients' public certificates; read again on SIGHUP."),
    FLAG ("security", allow_plaintext, false,
        "Without curve: true: sockets that others than this host can reach are meant. Else they are refused."),

    {POLICY (match), .type = KEY_TEXT, .text = "*", .check = s_check_glob, .comment = "Name or glob of the channels."},
    {POLICY (retain), .type = KEY_TEXT, .text = "all", .words = "all, acked",
        .comment = "all: messages stay until a limit is passed; acked: until each group has settled them, whatever the "
                   "limits."},
    POLICY_COUNT (max_age_s, 0, 0, 315360000, "Seconds that a message is retained: 0 to 315360000; 0: no limit."),
    POLICY_COUNT (
        max_messages, 0, 0, 1099511627776, "Newest messages that are retained: 0 to 1099511627776; 0: no limit."),
    POLICY_COUNT (
        max_bytes, 0, 0, 1125899906842624, "The same in bytes, as stored: 0 to 1125899906842624; 0: no limit."),
    POLICY_COUNT (
        max_deliveries, 10, 0, 1000000, "Deliveries in a group until a message is dead: 0 to 1000000; 0: no limit."),
    POLICY_COUNT (dedupe_s, 3600, 0, 315360000,
        "Seconds that a msg_id is known, retained or not: 0 to 315360000; 0: while its message is retained."),
    POLICY_COUNT (pack, 1, 1, 1024, "Messages arriving together that may share a member in Redis: 1 to 1024."),

    WORKERS_LIST (push, "tcp://127.0.0.1:5554", s_check_endpoint,
        "Where workers' PULL sockets connect: tcp:// or ipc://, at least one."),
    WORKERS_LIST (
        channels, "jobs.*", s_check_glob, "Names and globs of the channels, drained in that order: at least one."),
    {WORKERS (group), .type = KEY_TEXT, .text = "workers", .check = s_check_group,
        .comment = "The group whose messages they get."},
    WORKERS_COUNT (
        lease_ms, 30000, 1, 86400000, "Milliseconds until what is not settled is given again: 1 to 86400000."),
    WORKERS_COUNT (window, 1000, 1, 1000000, "Messages that may be leased at once: 1 to 1000000."),

    {RULE (client), .type = KEY_TEXT, .text = "*", .check = s_check_glob,
        .comment = "Name or glob of the clients, by the name in their certificates."},
    RULE_LIST (publish, s_check_glob, "Names and globs of the channels that they may send to."),
    RULE_LIST (subscribe, s_check_topic,
        "What they may subscribe to: a name, or with * behind it all that begins so; $heads always."),
    RULE_LIST (consume, s_check_glob, "Names and globs of what they may replay, peek, take and settle."),
    RULE_LIST (
        admin, s_check_glob, "Names and globs of what they may flush, pause and redrive, and whose groups they move."),
};

const size_t config_table_size = sizeof config_table / sizeof *config_table;

const config_many_t config_many[] = {
    {"channels", sizeof (policy_t), offsetof (config_t, policies),
        "What holds for some channels, any number of times: the first whose match fits counts."},
    {"workers", sizeof (workers_t), offsetof (config_t, workers),
        "A group whose messages are pushed to whoever connects, any number of times; none by default."},
    {"access", sizeof (rule_t), offsetof (config_t, rules),
        "With curve: what clients may do: the first whose client fits counts. With none here: all, but for admin."},
};

const size_t config_many_size = sizeof config_many / sizeof *config_many;

const config_many_t *config_many_of (const char *section)
{
    for (size_t i = 0; i < config_many_size; i++) {
        if (strcmp (config_many[i].name, section) == 0) {
            return &config_many[i];
        }
    }
    return NULL;
}
