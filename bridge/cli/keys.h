//  keys - the CURVE keys of zrb's own connections. Read once, and then handed to any thread.

#ifndef KEYS_H_INCLUDED
#define KEYS_H_INCLUDED

enum { KEYS_TEXT = 41 };

typedef struct {
    char server[KEYS_TEXT];  //  the bridge's public key
    char public_key[KEYS_TEXT];
    char secret_key[KEYS_TEXT];
} keys_t;

//  Reads the bridge's public certificate, and zrb's own with the secret key. Returns NULL, or what is wrong with the
//  file that *wrong_p then names; neither is the caller's.
const char *keys_read (keys_t *self, const char *server_path, const char *own_path, const char **wrong_p);

//  Has a socket that is not connected yet speak CURVE with them; NULL: plaintext.
void keys_apply (const keys_t *self, void *socket);

#endif
