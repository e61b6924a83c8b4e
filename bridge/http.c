//  http - libmicrohttpd without threads of its own. In the monitor's thread; never waits for a client.
//
//  A client that says nothing, or takes nothing, for IDLE_S is let go; beyond CONNECTIONS others wait to be accepted.

#include "http.h"

#include <czmq.h>
#include <microhttpd.h>
#include <netdb.h>

enum { CONNECTIONS = 200, IDLE_S = 5, CONNECTION_BYTES = 16384, BACKLOG = 64 };

struct http {
    struct MHD_Daemon *daemon;
    const http_page_t *pages;
    void *owner;
    char bound[80];
};

//  Answers; takes the text.
static enum MHD_Result s_answer (
    struct MHD_Connection *connection, unsigned status, const char *type, char *text, size_t size, const char *allow)
{
    struct MHD_Response *response = MHD_create_response_from_buffer (size, text, MHD_RESPMEM_MUST_FREE);
    MHD_add_response_header (response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header (response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (allow) {
        MHD_add_response_header (response, MHD_HTTP_HEADER_ALLOW, allow);
    }
    enum MHD_Result result = MHD_queue_response (connection, status, response);
    MHD_destroy_response (response);
    return result;
}

static enum MHD_Result s_refuse (struct MHD_Connection *connection, unsigned status, const char *why, const char *allow)
{
    return s_answer (connection, status, "text/plain", strdup (why), strlen (why), allow);
}

static enum MHD_Result s_on_request (void *arg, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *body, size_t *body_size, void **state)
{
    const http_t *self = arg;
    const http_page_t *page = self->pages;
    while (page->path && !streq (page->path, url)) {
        page++;
    }
    if (!page->path) {
        return s_refuse (connection, MHD_HTTP_NOT_FOUND, "not found\n", NULL);
    }
    if (!streq (method, MHD_HTTP_METHOD_GET) && !streq (method, MHD_HTTP_METHOD_HEAD)) {
        return s_refuse (connection, MHD_HTTP_METHOD_NOT_ALLOWED, "method not allowed\n", "GET, HEAD");
    }
    //  At first only the head has been read; it comes here again.
    if (!*state) {
        *state = arg;
        return MHD_YES;
    }
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream (&text, &size);
    unsigned status = page->write (self->owner, to);
    fclose (to);
    return s_answer (connection, status, page->type, text, size, NULL);
}

//  Fills where it listens. Returns a socket, or -1 with what is wrong.
static int s_listen (http_t *self, const char *address, const char **why)
{
    const char *colon = strrchr (address, ':');
    char host[256], number[NI_MAXSERV], name[64];
    bool bracketed = address[0] == '[' && colon[-1] == ']';
    snprintf (host, sizeof host, "%.*s", (int)(colon - address) - 2 * bracketed, address + bracketed);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    int rc = getaddrinfo (streq (host, "*") ? NULL : host, streq (colon, ":*") ? "0" : colon + 1, &hints, &found);
    if (rc != 0) {
        *why = gai_strerror (rc);
        return -1;
    }
    struct sockaddr_storage at;
    socklen_t size = sizeof at;
    int on = 1, fd = socket (found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        bind (fd, found->ai_addr, found->ai_addrlen) || listen (fd, BACKLOG) ||
        getsockname (fd, (struct sockaddr *)&at, &size) ||
        getnameinfo (
            (struct sockaddr *)&at, size, name, sizeof name, number, sizeof number, NI_NUMERICHOST | NI_NUMERICSERV)) {
        *why = strerror (errno);
        if (fd >= 0) {
            close (fd);
        }
        fd = -1;
    } else {
        snprintf (self->bound, sizeof self->bound, strchr (name, ':') ? "[%s]:%s" : "%s:%s", name, number);
    }
    freeaddrinfo (found);
    return fd;
}

http_t *http_new (const char *address, const http_page_t *pages, void *owner, char *error, size_t error_size)
{
    http_t *self = calloc (1, sizeof *self);
    self->pages = pages;
    self->owner = owner;
    const char *why = "cannot start";
    int fd = s_listen (self, address, &why);
    if (fd >= 0) {
        self->daemon = MHD_start_daemon (MHD_USE_EPOLL, 0, NULL, NULL, s_on_request, self, MHD_OPTION_LISTEN_SOCKET, fd,
            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_END);
    }
    if (!self->daemon && fd >= 0) {
        close (fd);
    }
    if (!self->daemon) {
        snprintf (error, error_size, "monitor.http: cannot bind %s: %s", address, why);
        http_destroy (&self);
    }
    return self;
}

void http_destroy (http_t **self_p)
{
    http_t *self = *self_p;
    if (self) {
        if (self->daemon) {
            MHD_stop_daemon (self->daemon);
        }
        free (self);
        *self_p = NULL;
    }
}

const char *http_bound (const http_t *self)
{
    return self->bound;
}

int http_fd (const http_t *self)
{
    return MHD_get_daemon_info (self->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int64_t http_deadline_ms (const http_t *self)
{
    unsigned long long wait_ms;
    return MHD_get_timeout (self->daemon, &wait_ms) == MHD_YES ? zclock_mono () + (int64_t)wait_ms : INT64_MAX;
}

void http_work (http_t *self)
{
    MHD_run (self->daemon);
}
