//  keys - reads the certificates that zrb keygen, zmq.auth and czmq write: `public-key = "…"` stands on a line.

#include "keys.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>
#include "zrb.h"

//  Takes the value of a line `  key = "value"`, when it is that key's and as long as a key is.
static void s_take (char *to, const char *line, const char *key)
{
    char name[32], value[KEYS_TEXT + 1];
    if (sscanf (line, " %31[a-z-] = \"%41[^\"]", name, value) == 2 && strcmp (name, key) == 0 &&
        strlen (value) == KEYS_TEXT - 1) {
        memcpy (to, value, KEYS_TEXT);
    }
}

//  Reads what is asked for: secret_key may be NULL.
static const char *s_read (const char *path, char *public_key, char *secret_key)
{
    char line[1024];
    FILE *file = fopen (path, "r");
    if (!file) {
        return strerror (errno);
    }
    while (fgets (line, sizeof line, file)) {
        s_take (public_key, line, "public-key");
        if (secret_key) {
            s_take (secret_key, line, "secret-key");
        }
    }
    fclose (file);
    return !*public_key ? "has no public-key" : secret_key && !*secret_key ? "has no secret-key" : NULL;
}

const char *keys_read (keys_t *self, const char *server_path, const char *own_path, const char **wrong_p)
{
    memset (self, 0, sizeof *self);
    *wrong_p = server_path;
    const char *wrong = s_read (server_path, self->server, NULL);
    if (!wrong) {
        *wrong_p = own_path;
        wrong = s_read (own_path, self->public_key, self->secret_key);
    }
    return wrong;
}

int keys_from_args (keys_t *self, const args_t *args)
{
    const char *server = args_text (args, "server"), *own = args_text (args, "cert"), *which;
    memset (self, 0, sizeof *self);
    if (!server && !own) {
        return 0;
    }
    if (!server || !own) {
        zrb_complain (ZRB_USAGE, "CURVE wants both --server and --cert");
        return -1;
    }
    const char *wrong = keys_read (self, server, own, &which);
    if (wrong) {
        zrb_complain (ZRB_USAGE, "%.256s: %s", which, wrong);
        return -1;
    }
    return 0;
}

void keys_apply (const keys_t *self, void *socket)
{
    if (*self->server) {
        int rc = zmq_setsockopt (socket, ZMQ_CURVE_SERVERKEY, self->server, KEYS_TEXT) ||
                 zmq_setsockopt (socket, ZMQ_CURVE_PUBLICKEY, self->public_key, KEYS_TEXT) ||
                 zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, self->secret_key, KEYS_TEXT);
        assert (rc == 0);
        (void)rc;
    }
}
