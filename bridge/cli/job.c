//  job - fork and exec, with the payload in a file of memory: a command may read it or not, as fast as it likes.

#include "job.h"
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "scan.h"

#define HEADER "ZRB_HEADER_"

extern char **environ;

//  The environment

typedef struct {
    char **entries;  //  NULL at the end
    size_t count, room;
} env_t;

static void s_add (env_t *self, char *entry)
{
    if (self->count + 2 > self->room) {
        self->room = self->room ? 2 * self->room : 64;
        self->entries = realloc (self->entries, self->room * sizeof *self->entries);
        assert (self->entries);
    }
    self->entries[self->count++] = entry;
    self->entries[self->count] = NULL;
}

static void s_add_text (env_t *self, const char *name, span_t value)
{
    char *entry = NULL;
    int size = asprintf (&entry, "%s=%.*s", name, (int)value.size, value.data);
    assert (size >= 0);
    s_add (self, entry);
}

static void s_add_number (env_t *self, const char *name, uint64_t value)
{
    char digits[SPAN_NUMBER];
    s_add_text (self, name, span_number (digits, value));
}

//  Ours are not inherited, so that a worker can run in another's command.
static void s_inherit (env_t *self)
{
    static const char *const ours[] = {
        "ZRB_ENDPOINT=", "ZRB_CHANNEL=", "ZRB_GROUP=", "ZRB_ID=", "ZRB_LEASE=", "ZRB_ATTEMPT=", "ZRB_TIME_MS=", HEADER};
    for (char **entry = environ; *entry; entry++) {
        bool own = false;
        for (size_t at = 0; at < sizeof ours / sizeof *ours; at++) {
            own = own || strncmp (*entry, ours[at], strlen (ours[at])) == 0;
        }
        if (!own) {
            char *copy = strdup (*entry);
            assert (copy);
            s_add (self, copy);
        }
    }
}

static double s_float (span_t raw)
{
    uint64_t bits = 0;
    for (size_t at = 1; at < raw.size; at++) {
        bits = bits << 8 | (uint8_t)raw.data[at];
    }
    double wide;
    float narrow;
    uint32_t half = (uint32_t)bits;
    memcpy (&wide, &bits, sizeof wide);
    memcpy (&narrow, &half, sizeof narrow);
    return raw.size == 5 ? (double)narrow : wide;
}

static int64_t s_negative (span_t raw)
{
    int64_t value = (int8_t)raw.data[raw.size > 1];
    for (size_t at = 2; at < raw.size; at++) {
        value = (int64_t)((uint64_t)value << 8 | (uint8_t)raw.data[at]);
    }
    return value;
}

//  A header's value as text, in `digits` where it needs a place; false when it is none of those that can be one.
static bool s_value (cursor_t value, char *digits, size_t size, span_t *text)
{
    uint64_t number;
    bool flag;
    if (cursor_bytes (&value, text)) {
        return !memchr (text->data, 0, text->size);
    }
    if (cursor_bool (&value, &flag)) {
        *text = span_text (flag ? "true" : "false");
        return true;
    }
    if (cursor_uint (&value, &number)) {
        snprintf (digits, size, "%" PRIu64, number);
    } else if (!cursor_scalar (&value, text) || text->data[0] == (char)0xc0) {
        return false;
    } else if (text->data[0] == (char)0xca || text->data[0] == (char)0xcb) {
        snprintf (digits, size, "%.17g", s_float (*text));
    } else {
        snprintf (digits, size, "%" PRId64, s_negative (*text));
    }
    *text = span_text (digits);
    return true;
}

static bool s_has (const env_t *self, const char *name)
{
    size_t size = strlen (name);
    for (size_t at = self->count; at > 0; at--) {
        if (strncmp (self->entries[at - 1], name, size) == 0 && self->entries[at - 1][size] == '=') {
            return true;
        }
    }
    return false;
}

static void s_add_headers (env_t *self, span_t headers)
{
    cursor_t at = cursor_of (headers);
    uint32_t count = 0;
    span_t key, text;
    char digits[40];
    if (headers.size == 0 || !cursor_map (&at, &count)) {
        return;
    }
    for (; count > 0 && cursor_str (&at, &key); count--) {
        char *name = malloc (sizeof HEADER + key.size);
        assert (name);
        memcpy (name, HEADER, sizeof HEADER);
        for (size_t byte = 0; byte < key.size; byte++) {
            uint8_t c = (uint8_t)key.data[byte];
            name[sizeof HEADER - 1 + byte] = c < 0x80 && isalnum (c) ? (char)toupper (c) : '_';
        }
        name[sizeof HEADER - 1 + key.size] = 0;
        if (s_value (at, digits, sizeof digits, &text) && !s_has (self, name)) {
            s_add_text (self, name, text);
        }
        free (name);
        cursor_skip (&at);
    }
}

static char **s_new_environment (const job_t *job)
{
    env_t env = {0};
    s_inherit (&env);
    s_add_text (&env, "ZRB_ENDPOINT", span_text (job->endpoint));
    s_add_text (&env, "ZRB_CHANNEL", span_text (job->channel));
    s_add_text (&env, "ZRB_GROUP", span_text (job->group));
    s_add_number (&env, "ZRB_ID", job->id);
    s_add_number (&env, "ZRB_LEASE", job->lease);
    s_add_number (&env, "ZRB_ATTEMPT", job->attempt);
    s_add_number (&env, "ZRB_TIME_MS", job->time_ms);
    s_add_headers (&env, job->headers);
    return env.entries;
}

static void s_free_environment (char **entries)
{
    for (char **entry = entries; *entry; entry++) {
        free (*entry);
    }
    free (entries);
}

//  The process

//  A file that holds the payload, to be read from its begin; -1 with errno.
static int s_open_payload (span_t payload)
{
    int file = memfd_create ("payload", MFD_CLOEXEC);
    for (size_t done = 0; file >= 0 && done < payload.size;) {
        ssize_t some = write (file, payload.data + done, payload.size - done);
        if (some < 0 && errno != EINTR) {
            int reason = errno;
            close (file);
            errno = reason;
            return -1;
        }
        done += some > 0 ? (size_t)some : 0;
    }
    if (file >= 0) {
        lseek (file, 0, SEEK_SET);
    }
    return file;
}

//  In the child: only what may be called between fork and exec. Why it could not be run goes to `report`.
static void s_become (char *const argv[], char *const env[], int input, int output, pid_t parent, int report)
{
    sigset_t none;
    sigemptyset (&none);
    setpgid (0, 0);
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (getppid () == parent && dup2 (input, STDIN_FILENO) >= 0 && dup2 (output, STDOUT_FILENO) >= 0) {
        signal (SIGPIPE, SIG_DFL);
        sigprocmask (SIG_SETMASK, &none, NULL);
        execvpe (argv[0], argv, env);
    }
    int reason = errno;
    if (write (report, &reason, sizeof reason) < 0) {
        _exit (126);
    }
    _exit (127);
}

static pid_t s_fork (char *const argv[], char *const env[], int input, int output)
{
    int report[2], reason = 0;
    if (pipe2 (report, O_CLOEXEC)) {
        return -1;
    }
    pid_t parent = getpid (), pid = fork ();
    if (pid == 0) {
        s_become (argv, env, input, output, parent, report[1]);
    }
    if (pid < 0) {
        reason = errno;
    }
    close (report[1]);
    if (pid > 0) {
        setpgid (pid, pid);
        if (read (report[0], &reason, sizeof reason) == sizeof reason) {
            waitpid (pid, NULL, 0);
            pid = -1;
        }
    }
    close (report[0]);
    errno = reason;
    return pid;
}

pid_t job_start (const job_t *self, char *const argv[], int output)
{
    int input = s_open_payload (self->payload);
    if (input < 0) {
        return -1;
    }
    char **env = s_new_environment (self);
    pid_t pid = s_fork (argv, env, input, output);
    int reason = errno;
    s_free_environment (env);
    close (input);
    errno = reason;
    return pid;
}
