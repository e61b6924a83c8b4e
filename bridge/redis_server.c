//  redis_server - starts, finds, watches and ends one process. Owned by main's thread, through embedded.
//
//  Must never signal by a bare pid, which may long be another process's: only through the pidfd.

#include "redis_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OLDEST_MAJOR = 6, OLDEST_MINOR = 2, KEPT_FD = 3 };

struct redis_server {
    pid_t pid;
    int pidfd;
    bool is_child;
    char end[32];
};

//  What `redis-server --version` prints. No shell runs it: the service is not allowed one. Returns 0, or an errno.
static int s_ask_version (char *line, size_t size)
{
    char *const argv[] = {"redis-server", "--version", NULL};
    int ends[2], status = 0;
    posix_spawn_file_actions_t actions;
    pid_t pid;
    if (pipe2 (ends, O_CLOEXEC)) {
        return errno;
    }
    posix_spawn_file_actions_init (&actions);
    posix_spawn_file_actions_adddup2 (&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen (&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int rc = posix_spawnp (&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy (&actions);
    close (ends[1]);
    FILE *out = fdopen (ends[0], "r");
    if (!fgets (line, (int)size, out)) {
        line[0] = 0;
    }
    fclose (out);
    if (!rc && (waitpid (pid, &status, 0) != pid || status)) {
        rc = ENOEXEC;
    }
    return rc;
}

int redis_server_check (char *error, size_t error_size)
{
    char line[256];
    int rc = s_ask_version (line, sizeof line);
    if (rc) {
        snprintf (error, error_size, "%s: install redis-server or set [redis] mode = \"server\"",
            rc == ENOENT ? "no redis-server in PATH" : "redis-server does not run");
        return -1;
    }
    int major = 0, minor = 0;
    const char *version = strstr (line, "v=");
    if (!version || sscanf (version, "v=%d.%d", &major, &minor) != 2) {
        snprintf (error, error_size, "redis-server --version does not tell its version");
        return -1;
    }
    if (major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR)) {
        snprintf (error, error_size,
            "redis-server %d.%d is too old: install 6.2 or newer or set [redis] mode = \"server\"", major, minor);
        return -1;
    }
    return 0;
}

//  Returns NULL, with errno set, when there is no such process any more.
static redis_server_t *s_new (pid_t pid, bool is_child)
{
    int pidfd = pidfd_open (pid, 0);
    if (pidfd < 0) {
        return NULL;
    }
    redis_server_t *self = calloc (1, sizeof *self);
    self->pid = pid;
    self->pidfd = pidfd;
    self->is_child = is_child;
    return self;
}

static void s_set_files (posix_spawn_file_actions_t *actions, const char *log, int keep_fd)
{
    posix_spawn_file_actions_adddup2 (actions, keep_fd, KEPT_FD);
    posix_spawn_file_actions_addclosefrom_np (actions, KEPT_FD + 1);
    posix_spawn_file_actions_addopen (actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen (actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2 (actions, STDOUT_FILENO, STDERR_FILENO);
}

//  A session of its own keeps a terminal's Ctrl-C from it: the bridge stops it when its time has come.
static void s_set_attributes (posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset (&none);
    sigfillset (&all);
    posix_spawnattr_setsigmask (attributes, &none);
    posix_spawnattr_setsigdefault (attributes, &all);
    posix_spawnattr_setflags (attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

redis_server_t *redis_server_spawn (char *const *argv, const char *log, int keep_fd)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init (&actions);
    posix_spawnattr_init (&attributes);
    s_set_files (&actions, log, keep_fd);
    s_set_attributes (&attributes);
    pid_t pid;
    int rc = posix_spawnp (&pid, argv[0], &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy (&actions);
    posix_spawnattr_destroy (&attributes);
    if (rc) {
        errno = rc;
        return NULL;
    }
    redis_server_t *self = s_new (pid, true);
    if (!self) {  //  no descriptor left: a child that cannot be watched must not stay
        int saved_errno = errno;
        kill (pid, SIGKILL);
        waitpid (pid, NULL, 0);
        errno = saved_errno;
    }
    return self;
}

//  The pid of who called listen; 0 when it cannot be told. The kernel's word, so it holds also while the
//  server is busy, loading or stopped.
static pid_t s_listener (int fd)
{
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    return getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) ? 0 : peer.pid;
}

redis_server_t *redis_server_find (const char *socket_path, bool *listens)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *listens = false;
    if (strlen (socket_path) >= sizeof address.sun_path) {
        return NULL;
    }
    strcpy (address.sun_path, socket_path);
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    redis_server_t *self = NULL;
    if (connect (fd, (struct sockaddr *)&address, sizeof address) == 0) {
        pid_t pid = s_listener (fd);
        self = pid > 0 ? s_new (pid, false) : NULL;
        *listens = true;
    } else {
        *listens = errno == EAGAIN;  //  its queue is full
    }
    close (fd);
    return self;
}

void redis_server_destroy (redis_server_t **self_p)
{
    if (*self_p) {
        close ((*self_p)->pidfd);
        free (*self_p);
        *self_p = NULL;
    }
}

pid_t redis_server_pid (const redis_server_t *self)
{
    return self->pid;
}

int redis_server_fd (const redis_server_t *self)
{
    return self->pidfd;
}

bool redis_server_has_ended (const redis_server_t *self, int timeout_ms)
{
    struct pollfd end = {self->pidfd, POLLIN, 0};
    int rc;
    do {
        rc = poll (&end, 1, timeout_ms);
    } while (rc < 0 && errno == EINTR);
    return rc > 0;
}

void redis_server_terminate (const redis_server_t *self)
{
    pidfd_send_signal (self->pidfd, SIGTERM, NULL, 0);
}

const char *redis_server_end (redis_server_t *self)
{
    int status;
    if (!self->end[0]) {
        strcpy (self->end, "exit=unknown");
    }
    if (self->is_child && waitpid (self->pid, &status, 0) == self->pid) {
        self->is_child = false;
        if (WIFSIGNALED (status)) {
            snprintf (self->end, sizeof self->end, "signal=%d", WTERMSIG (status));
        } else {
            snprintf (self->end, sizeof self->end, "exit=%d", WEXITSTATUS (status));
        }
    }
    return self->end;
}
