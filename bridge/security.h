//  security - whether what the configuration says of CURVE, plaintext and endpoints may be served. In main's thread.

#ifndef SECURITY_H_INCLUDED
#define SECURITY_H_INCLUDED

#include "config.h"

//  Whether only this host can reach an endpoint: ipc://, or tcp:// on 127.0.0.0/8, [::1] or a loopback interface.
bool security_is_local (const char *endpoint);

//  Without curve, refuses endpoints that others can reach, unless allow_plaintext. With curve, reads secret_key into
//  config->secret, and expects that clients_dir can be read. Returns 0, or -1 with a one-line error that names the key.
int security_prepare (config_t *config, char *error, size_t error_size);

#endif
