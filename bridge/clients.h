//  clients - who is let in: the names and public keys of the certificates in clients_dir. In main's thread.

#ifndef CLIENTS_H_INCLUDED
#define CLIENTS_H_INCLUDED

#include <czmq.h>
#include "certificate.h"

typedef struct {
    char name[LIMIT_NAME_BYTES + 1];
    char key[CERTIFICATE_KEY_CHARS + 1];  //  the public key, as text
} client_t;

typedef struct {
    client_t *items;  //  owned; no key twice
    size_t count;
} clients_t;

//  Reads all files of the directory, but for secret ones (…_secret) and hidden ones. A client is called by its
//  certificate's `name`, or else by its file's; several certificates may have one name. A file that is no certificate,
//  or whose key another has, is logged and left out. Returns 0, or -1 with a one-line error.
int clients_read (clients_t *self, const char *dir, char *error, size_t error_size);

void clients_clear (clients_t *self);

#endif
