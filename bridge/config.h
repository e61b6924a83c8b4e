//  config - bridge.toml: read, checked and overridden by the environment, driven by one table (config.c).

#ifndef CONFIG_H_INCLUDED
#define CONFIG_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    char **items;  //  owned
    size_t count;
} strings_t;

typedef struct {
    //  [bridge]
    char *name;
    char *log_level;   //  error, warn, info, debug
    int64_t grace_ms;  //  how long a stop may take to store and send what has arrived
    //  [redis]
    char *mode;      //  embedded, server
    char *data_dir;  //  embedded only
    char *fsync;     //  embedded only: always, everysec, no
    char *url;       //  server only; with its password: never logged
    char *prefix;
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
} config_t;

//  Reads the file (NULL: defaults alone), then ZRB_<SECTION>_<KEY> from the environment.
//  Returns NULL with a one-line error that names file, line and key, or the variable.
config_t *config_new (const char *path, char *error, size_t error_size);

void config_destroy (config_t **self_p);

#endif
