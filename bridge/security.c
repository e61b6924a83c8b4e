//  security - looks at endpoints, at the bridge's own certificate and at the clients' directory, before anything starts.

#include "security.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include "certificate.h"

//  LIMIT: an interface's name is judged by the interface that has it now.
static bool s_is_loopback_interface (const char *name)
{
    struct ifaddrs *all = NULL;
    bool found = false;
    if (getifaddrs (&all) == 0) {
        for (const struct ifaddrs *one = all; one && !found; one = one->ifa_next) {
            found = strcmp (one->ifa_name, name) == 0 && (one->ifa_flags & IFF_LOOPBACK);
        }
        freeifaddrs (all);
    }
    return found;
}

bool security_is_local (const char *endpoint)
{
    static const char tcp[] = "tcp://";
    if (strncmp (endpoint, tcp, sizeof tcp - 1) != 0) {
        return strncmp (endpoint, "ipc://", 6) == 0;
    }
    char host[256];
    const char *address = endpoint + sizeof tcp - 1, *colon = strrchr (address, ':');
    size_t size = colon ? (size_t)(colon - address) : strlen (address);
    if (size > 1 && address[0] == '[' && address[size - 1] == ']') {
        address++;
        size -= 2;
    }
    snprintf (host, sizeof host, "%.*s", (int)size, address);
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton (AF_INET, host, &v4) == 1) {
        return ntohl (v4.s_addr) >> 24 == 127;
    }
    return inet_pton (AF_INET6, host, &v6) == 1 ? IN6_IS_ADDR_LOOPBACK (&v6) : s_is_loopback_interface (host);
}

static int s_check_endpoints (const char *key, const strings_t *endpoints, char *error, size_t error_size)
{
    for (size_t i = 0; i < endpoints->count; i++) {
        if (!security_is_local (endpoints->items[i])) {
            snprintf (error, error_size,
                "%s: %.200s can be reached from other hosts, and CURVE is off: set [security] curve, or "
                "allow_plaintext "
                "= true where that is meant",
                key, endpoints->items[i]);
            return -1;
        }
    }
    return 0;
}

static int s_check_all_endpoints (const config_t *config, char *error, size_t error_size)
{
    int rc = s_check_endpoints ("ingest.pull", &config->pull, error, error_size) ||
             s_check_endpoints ("ingest.sub", &config->sub, error, error_size) ||
             s_check_endpoints ("fanout.pub", &config->pub, error, error_size) ||
             s_check_endpoints ("control.router", &config->router, error, error_size);
    for (size_t i = 0; i < config->workers.count && rc == 0; i++) {
        rc = s_check_endpoints ("workers.push", &config_workers (config, i)->push, error, error_size);
    }
    return rc ? -1 : 0;
}

static int s_read_secret (config_t *config, char *error, size_t error_size)
{
    certificate_t certificate;
    char wrong[512];
    if (!*config->secret_key) {
        snprintf (error, error_size, "security.secret_key: wanted with curve; zrb keygen makes one");
        return -1;
    }
    int rc = certificate_read (&certificate, config->secret_key, true, wrong, sizeof wrong);
    if (rc) {
        snprintf (error, error_size, "security.secret_key: %s", wrong);
    } else {
        memcpy (config->secret, certificate.secret, sizeof config->secret);
    }
    return rc;
}

static int s_check_clients (const config_t *config, char *error, size_t error_size)
{
    if (!*config->clients_dir) {
        snprintf (error, error_size, "security.clients_dir: wanted with curve: whom it does not hold is not let in");
        return -1;
    }
    DIR *dir = opendir (config->clients_dir);
    if (!dir) {
        snprintf (error, error_size, "security.clients_dir: %.256s: %s", config->clients_dir, strerror (errno));
        return -1;
    }
    closedir (dir);
    return 0;
}

int security_prepare (config_t *config, char *error, size_t error_size)
{
    if (config->curve) {
        return s_read_secret (config, error, error_size) || s_check_clients (config, error, error_size) ? -1 : 0;
    }
    return config->allow_plaintext ? 0 : s_check_all_endpoints (config, error, error_size);
}
