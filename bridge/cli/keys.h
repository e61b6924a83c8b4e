//  keys - the CURVE keys of zrb's own connections. Read once, and then handed to any thread.

#ifndef KEYS_H_INCLUDED
#define KEYS_H_INCLUDED

#include "args.h"

enum { KEYS_TEXT = 41 };

typedef struct {
    char server[KEYS_TEXT];  //  the bridge's public key; "": plaintext
    char public_key[KEYS_TEXT];
    char secret_key[KEYS_TEXT];
} keys_t;

//  Reads the bridge's public certificate, and zrb's own with the secret key. Returns NULL, or what is wrong with the
//  file that *wrong_p then names; neither is the caller's.
const char *keys_read (keys_t *self, const char *server_path, const char *own_path, const char **wrong_p);

//  Reads those that --server and --cert name; without both: plaintext. Returns 0, or -1 with a line on stderr.
int keys_from_args (keys_t *self, const args_t *args);

//  Has a socket that is not connected yet speak CURVE with them, or plaintext.
void keys_apply (const keys_t *self, void *socket);

#endif
