//  config - bridge.toml: read, checked and overridden by the environment, driven by one table (config.c).

#ifndef CONFIG_H_INCLUDED
#define CONFIG_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "span.h"

typedef struct {
    char **items;  //  owned
    size_t count;
} strings_t;

//  The sections of one name that may stand many times, in the file's order; behind them one with all defaults, which is
//  not counted.
typedef struct {
    void *items;  //  owned: policy_t, workers_t or rule_t
    size_t count;
} sections_t;

//  [[channels]]: what holds for the channels whose names match; 0 is no limit.
typedef struct {
    char *match;   //  glob
    char *retain;  //  all, acked
    int64_t max_age_s;
    int64_t max_messages;
    int64_t max_bytes;
    int64_t max_deliveries;
    int64_t dedupe_s;  //  0: a msg_id is known as long as its message is retained, and no longer
    int64_t pack;      //  messages that may share a member
} policy_t;

//  [[workers]]: messages of a group that are pushed, not asked for.
typedef struct {
    strings_t push;
    strings_t channels;  //  names or globs
    char *group;
    int64_t lease_ms;
    int64_t window;  //  leases open at once
} workers_t;

//  [[access]]: what the clients whose names match may do.
typedef struct {
    char *client;         //  glob
    strings_t publish;    //  names and globs of channels
    strings_t subscribe;  //  names, and names with * behind them
    strings_t consume;
    strings_t admin;
} rule_t;

typedef struct {
    //  [bridge]
    char *name;
    char *log_level;   //  error, warn, info, debug
    char *log_format;  //  text, json
    int64_t grace_ms;  //  how long a stop may take to store and send what has arrived
    int64_t spin_us;   //  how long lane and control look for more before they sleep
    //  [redis]
    char *mode;      //  embedded, server
    char *data_dir;  //  embedded only
    char *fsync;     //  embedded only: always, everysec, no
    char *url;       //  server only; with its password: never logged
    char *prefix;
    bool strict;           //  a Redis that can't keep the promises is refused
    int64_t min_replicas;  //  that a publish waits for; 0: it asks none
    //  [ingest]
    strings_t pull;
    strings_t sub;
    int64_t max_message_bytes;
    int64_t max_in_flight;  //  messages that may wait for Redis
    int64_t max_in_flight_bytes;
    //  [fanout]
    strings_t pub;
    int64_t hwm;  //  messages queued for one slow subscriber before it loses some
    //  [control]
    strings_t router;
    int64_t max_reply_bytes;
    //  [monitor]
    char *http;  //  address:port; "": off
    //  [security]
    bool curve;
    char *secret_key;   //  a certificate's file
    char *clients_dir;  //  of certificates
    bool allow_plaintext;
    uint8_t secret[32];   //  of secret_key, see security.h
    sections_t policies;  //  [[channels]], of policy_t
    sections_t workers;   //  [[workers]], of workers_t
    sections_t rules;     //  [[access]], of rule_t
} config_t;

//  Reads the file (NULL: defaults alone), then ZRB_<SECTION>_<KEY> from the environment.
//  Returns NULL with a one-line error that names file, line and key, or the variable.
config_t *config_new (const char *path, char *error, size_t error_size);

void config_destroy (config_t **self_p);

//  The policy of the first [[channels]] whose glob matches, or the defaults. Belongs to the config.
const policy_t *config_policy (const config_t *self, span_t channel);

//  The limits that the channel is under: 0, each, where it retains all that is not acked. $rejected always has one.
typedef struct {
    uint64_t max_messages;
    uint64_t max_age_ms;
    uint64_t max_bytes;
    bool acked;  //  what all groups have settled goes
} limits_t;

limits_t config_limits (const config_t *self, span_t channel);

//  The [[workers]] at index, below self->workers.count.
const workers_t *config_workers (const config_t *self, size_t index);

#endif
