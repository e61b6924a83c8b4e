//  certificate - one ZeroMQ certificate file, as czmq's zcert, zmq.auth and zrb keygen write it. Keeps nothing.

#ifndef CERTIFICATE_H_INCLUDED
#define CERTIFICATE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "limit.h"

enum { CERTIFICATE_KEY_BYTES = 32, CERTIFICATE_KEY_CHARS = 40 };

typedef struct {
    char name[LIMIT_NAME_BYTES + 1];  //  its metadata's `name`; empty: it has none, or one that is no name
    char public_text[CERTIFICATE_KEY_CHARS + 1];
    uint8_t secret[CERTIFICATE_KEY_BYTES];  //  only when it was asked for
} certificate_t;

//  Returns 0, or -1 with what is wrong with the file, in words that never show a key. `with_secret`: also reads the
//  secret key, and refuses a file that others than its owner and group may read or write: what all on the host
//  can read is no secret.
int certificate_read (certificate_t *self, const char *path, bool with_secret, char *error, size_t error_size);

#endif
