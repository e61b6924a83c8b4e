//  socket - opens bound libzmq sockets. Holds nothing; each socket belongs to the actor that asked for it.

#include "gate.h"
#include "limit.h"
#include "socket.h"

enum { HANDSHAKE_MS = 10000 };

//  libzmq has it since 4.3.0, and hides its name among the drafts.
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

void socket_set (void *socket, int option, int value)
{
    int rc = zmq_setsockopt (socket, option, &value, sizeof value);
    assert (rc == 0);
}

//  Lets in whom the gate lets in, and nobody while there is no gate. A domain also keeps out the protocols before CURVE.
//  Returns -1 where libzmq can't do that.
static int s_secure (void *socket, const config_t *config)
{
    static const char domain[] = "zrbridge";
    int yes = 1;
    if (zmq_setsockopt (socket, ZMQ_CURVE_SERVER, &yes, sizeof yes) ||
        zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, config->secret, sizeof config->secret) ||
        zmq_setsockopt (socket, ZMQ_ZAP_DOMAIN, domain, strlen (domain)) ||
        zmq_setsockopt (socket, ZMQ_ZAP_ENFORCE_DOMAIN, &yes, sizeof yes)) {
        return -1;
    }
    socket_set (socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
    gate_watch (socket);
    return 0;
}

void *socket_open (int type, int receive_hwm, int send_hwm, const config_t *config)
{
    void *socket = zmq_socket (zsys_init (), type);
    if (!socket) {
        return NULL;
    }
    int64_t max_frame = config->max_message_bytes + LIMIT_FRAME_EXTRA;
    zmq_setsockopt (socket, ZMQ_MAXMSGSIZE, &max_frame, sizeof max_frame);
    socket_set (socket, ZMQ_LINGER, SOCKET_LINGER_MS);
    socket_set (socket, ZMQ_RCVHWM, receive_hwm);
    socket_set (socket, ZMQ_SNDHWM, send_hwm);
    socket_set (socket, ZMQ_TCP_KEEPALIVE, 1);
    socket_set (socket, ZMQ_TCP_KEEPALIVE_IDLE, 30);
    socket_set (socket, ZMQ_TCP_KEEPALIVE_INTVL, 10);
    socket_set (socket, ZMQ_TCP_KEEPALIVE_CNT, 3);
    if (config->curve && s_secure (socket, config)) {
        zmq_close (socket);
        errno = ENOTSUP;
        return NULL;
    }
    return socket;
}

static void s_append (char *text, size_t size, const char *more)
{
    size_t used = strlen (text);
    snprintf (text + used, size - used, "%s", more);
}

int socket_bind (void *socket, const char *key, const strings_t *endpoints, char *bound, size_t bound_size, char *error,
    size_t error_size)
{
    for (size_t i = 0; i < endpoints->count; i++) {
        socket_set (socket, ZMQ_IPV6, strchr (endpoints->items[i], '[') != NULL);
        if (zmq_bind (socket, endpoints->items[i])) {
            snprintf (error, error_size, "%s: cannot bind %s: %s", key, endpoints->items[i], zmq_strerror (errno));
            return -1;
        }
        char endpoint[256];
        size_t size = sizeof endpoint;
        zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size);
        if (i == 0) {
            const char *name = strrchr (key, '.') ? strrchr (key, '.') + 1 : key;
            s_append (bound, bound_size, *bound ? " " : "");
            s_append (bound, bound_size, name);
            s_append (bound, bound_size, "=");
        } else {
            s_append (bound, bound_size, ",");
        }
        s_append (bound, bound_size, endpoint);
    }
    return 0;
}
