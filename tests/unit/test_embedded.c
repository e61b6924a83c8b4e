//  test_embedded - a real redis-server under a real data_dir: started, watched, restarted, adopted, refused.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "embedded.h"
#include "log.h"
#include "target.h"

enum { PATIENCE_MS = 20000 };

typedef struct {
    char base[64];
    char dir[128];  //  data_dir, below base; absent at first
    char error[512];
    char *path_variable;
    embedded_t *embedded;
} fixture_t;

static int s_setup (void **state)
{
    fixture_t *self = calloc (1, sizeof *self);
    strcpy (self->base, "/tmp/zrb-embedded-XXXXXX");
    assert_non_null (mkdtemp (self->base));
    snprintf (self->dir, sizeof self->dir, "%s/data", self->base);
    self->path_variable = strdup (getenv ("PATH"));
    log_set_level ("error");
    *state = self;
    return 0;
}

static int s_remove (const char *path, const struct stat *status, int type, struct FTW *where)
{
    return remove (path);
}

static int s_teardown (void **state)
{
    fixture_t *self = *state;
    setenv ("PATH", self->path_variable, 1);
    embedded_destroy (&self->embedded);
    nftw (self->base, s_remove, 16, FTW_DEPTH | FTW_PHYS);
    free (self->path_variable);
    free (self);
    return 0;
}

static void s_start_with (fixture_t *self, const char *fsync)
{
    self->embedded = embedded_new (self->dir, fsync, self->error, sizeof self->error);
    if (!self->embedded) {
        fail_msg ("%s", self->error);
    }
}

static void s_start (fixture_t *self)
{
    s_start_with (self, "always");
}

static void s_expect_refusal (fixture_t *self, const char *expected)
{
    self->embedded = embedded_new (self->dir, "always", self->error, sizeof self->error);
    assert_null (self->embedded);
    assert_string_equal (self->error, expected);
}

static void s_expect_refusal_with (fixture_t *self, const char *part)
{
    self->embedded = embedded_new (self->dir, "always", self->error, sizeof self->error);
    assert_null (self->embedded);
    if (!strstr (self->error, part)) {
        fail_msg ("%s", self->error);
    }
}

//  Asks the server; the caller frees the reply.
static redisReply *s_ask (const char *url, const char *command)
{
    target_t target;
    assert_int_equal (target_parse (&target, url), 0);
    redisContext *redis = target_open (&target, PATIENCE_MS);
    target_clear (&target);
    assert_non_null (redis);
    redisReply *reply = redisCommand (redis, command);
    redisFree (redis);
    assert_non_null (reply);
    return reply;
}

static void s_expect_config (fixture_t *self, const char *key, const char *value)
{
    char command[64];
    snprintf (command, sizeof command, "CONFIG GET %s", key);
    redisReply *reply = s_ask (embedded_url (self->embedded), command);
    assert_int_equal (reply->elements, 2);
    assert_string_equal (reply->element[1]->str, value);
    freeReplyObject (reply);
}

static pid_t s_server_pid (const char *url)
{
    redisReply *reply = s_ask (url, "INFO server");
    const char *line = strstr (reply->str, "process_id:");
    assert_non_null (line);
    pid_t pid = (pid_t)atol (line + strlen ("process_id:"));
    freeReplyObject (reply);
    return pid;
}

//  Waits until the fd is readable; a test fails rather than hangs.
static void s_await (int fd)
{
    struct pollfd item = {fd, POLLIN, 0};
    assert_int_equal (poll (&item, 1, PATIENCE_MS), 1);
}

//  Waits until the server answers PING with PONG, not with LOADING or a refused connection.
static void s_await_pong (const char *url)
{
    target_t target;
    assert_int_equal (target_parse (&target, url), 0);
    bool up = false;
    for (int waited_ms = 0; !up && waited_ms < PATIENCE_MS; waited_ms += 10) {
        redisContext *redis = target_open (&target, 1000);
        redisReply *reply = redis ? redisCommand (redis, "PING") : NULL;
        up = reply && reply->type == REDIS_REPLY_STATUS;
        freeReplyObject (reply);
        if (redis) {
            redisFree (redis);
        }
        if (!up) {
            poll (NULL, 0, 10);
        }
    }
    target_clear (&target);
    assert_true (up);
}

static void s_kill_and_revive (fixture_t *self, int signal_number)
{
    kill (s_server_pid (embedded_url (self->embedded)), signal_number);
    s_await (embedded_fd (self->embedded));
    embedded_revive (self->embedded);
}

//  A "redis-server" of our own, the only one in PATH.
static void s_fake_server (fixture_t *self, const char *script)
{
    char path[160];
    snprintf (path, sizeof path, "%s/redis-server", self->base);
    FILE *file = fopen (path, "w");
    assert_non_null (file);
    fprintf (file, "#!/bin/sh\n%s\n", script);
    fclose (file);
    assert_int_equal (chmod (path, 0700), 0);
    setenv ("PATH", self->base, 1);
}

static void test_server_is_private_durable_and_never_evicts (void **state)
{
    fixture_t *self = *state;
    s_start (self);
    s_expect_config (self, "port", "0");
    s_expect_config (self, "appendonly", "yes");
    s_expect_config (self, "appendfsync", "always");
    s_expect_config (self, "no-appendfsync-on-rewrite", "no");
    s_expect_config (self, "maxmemory-policy", "noeviction");
    s_expect_config (self, "save", "");
    s_expect_config (self, "dir", self->dir);
    struct stat status;
    assert_int_equal (stat (self->dir, &status), 0);
    assert_int_equal (status.st_mode & 07777, 0700);
    char socket_path[160];
    snprintf (socket_path, sizeof socket_path, "%s/redis.sock", self->dir);
    assert_int_equal (stat (socket_path, &status), 0);
    assert_int_equal (status.st_mode & 07777, 0700);
}

//  True when some descriptor of the process leads to the same file.
static bool s_has_open (pid_t pid, const struct stat *file)
{
    for (int fd = 0; fd < 64; fd++) {
        char path[64];
        struct stat status;
        snprintf (path, sizeof path, "/proc/%ld/fd/%d", (long)pid, fd);
        if (stat (path, &status) == 0 && status.st_dev == file->st_dev && status.st_ino == file->st_ino) {
            return true;
        }
    }
    return false;
}

static void test_server_inherits_no_descriptor_signal_mask_or_session (void **state)
{
    fixture_t *self = *state;
    int ends[2];
    assert_int_equal (pipe (ends), 0);
    struct stat status;
    assert_int_equal (fstat (ends[0], &status), 0);
    sigset_t signals, before;
    sigfillset (&signals);
    sigprocmask (SIG_BLOCK, &signals, &before);
    s_start (self);
    sigprocmask (SIG_SETMASK, &before, NULL);
    pid_t pid = s_server_pid (embedded_url (self->embedded));
    assert_true (s_has_open (getpid (), &status));
    assert_false (s_has_open (pid, &status));
    assert_int_equal (getsid (pid), pid);
    char path[64], line[256];
    snprintf (path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *file = fopen (path, "r");
    assert_non_null (file);
    bool seen = false;
    while (fgets (line, sizeof line, file)) {
        if (strncmp (line, "SigBlk:", 7) == 0) {
            seen = true;
            assert_string_equal (line, "SigBlk:\t0000000000000000\n");
        }
    }
    fclose (file);
    assert_true (seen);
    close (ends[0]);
    close (ends[1]);
}

static void test_killed_server_is_restarted_at_once_with_its_data (void **state)
{
    fixture_t *self = *state;
    s_start (self);
    freeReplyObject (s_ask (embedded_url (self->embedded), "SET kept 1"));
    pid_t first = s_server_pid (embedded_url (self->embedded));
    assert_int_equal (embedded_retry_ms (self->embedded), -1);
    s_kill_and_revive (self, SIGKILL);
    assert_true (embedded_fd (self->embedded) >= 0);
    assert_int_equal (embedded_retry_ms (self->embedded), -1);
    s_await_pong (embedded_url (self->embedded));
    assert_int_not_equal (s_server_pid (embedded_url (self->embedded)), first);
    redisReply *reply = s_ask (embedded_url (self->embedded), "GET kept");
    assert_string_equal (reply->str, "1");
    freeReplyObject (reply);
}

static void test_server_that_keeps_dying_is_restarted_after_growing_pauses (void **state)
{
    fixture_t *self = *state;
    s_start (self);
    s_fake_server (self, "exit 1");
    s_kill_and_revive (self, SIGKILL);  //  at once: the fake
    long last_ms = 0;
    for (int i = 0; i < 3; i++) {
        s_await (embedded_fd (self->embedded));
        embedded_revive (self->embedded);
        assert_int_equal (embedded_fd (self->embedded), -1);
        long pause_ms = embedded_retry_ms (self->embedded);
        assert_true (pause_ms > last_ms);
        embedded_revive (self->embedded);  //  too early: changes nothing
        assert_int_equal (embedded_fd (self->embedded), -1);
        poll (NULL, 0, (int)pause_ms + 1);
        embedded_revive (self->embedded);
        assert_true (embedded_fd (self->embedded) >= 0);
        last_ms = pause_ms;
    }
    assert_in_range (last_ms, 300, 400);
    setenv ("PATH", self->path_variable, 1);
    s_await (embedded_fd (self->embedded));
    embedded_revive (self->embedded);
    poll (NULL, 0, (int)embedded_retry_ms (self->embedded) + 1);
    embedded_revive (self->embedded);
    s_await_pong (embedded_url (self->embedded));
}

static void test_server_that_vanished_from_path_is_tried_again (void **state)
{
    fixture_t *self = *state;
    s_start (self);
    setenv ("PATH", self->base, 1);
    s_kill_and_revive (self, SIGKILL);
    assert_int_equal (embedded_fd (self->embedded), -1);
    setenv ("PATH", self->path_variable, 1);
    poll (NULL, 0, (int)embedded_retry_ms (self->embedded) + 1);
    embedded_revive (self->embedded);
    s_await_pong (embedded_url (self->embedded));
}

static void test_destroy_stops_the_server_and_keeps_its_data (void **state)
{
    fixture_t *self = *state;
    s_start_with (self, "no");
    freeReplyObject (s_ask (embedded_url (self->embedded), "SET kept 1"));
    pid_t pid = s_server_pid (embedded_url (self->embedded));
    embedded_destroy (&self->embedded);
    assert_int_equal (kill (pid, 0), -1);
    assert_int_equal (errno, ESRCH);
    s_start (self);
    redisReply *reply = s_ask (embedded_url (self->embedded), "GET kept");
    assert_string_equal (reply->str, "1");
    freeReplyObject (reply);
}

static void test_data_dir_of_another_bridge_is_refused_with_its_pid (void **state)
{
    fixture_t *self = *state;
    s_start (self);
    char expected[256];
    snprintf (expected, sizeof expected, "redis.data_dir: %s is in use by another bridge, pid %ld", self->dir,
        (long)getpid ());
    assert_null (embedded_new (self->dir, "always", self->error, sizeof self->error));
    assert_string_equal (self->error, expected);
    freeReplyObject (s_ask (embedded_url (self->embedded), "PING"));
}

//  A bridge that is killed once its server runs. Returns the server's pid.
static pid_t s_leave_server_behind (fixture_t *self)
{
    int ends[2];
    assert_int_equal (pipe (ends), 0);
    pid_t bridge = fork ();
    if (bridge == 0) {
        embedded_t *embedded = embedded_new (self->dir, "no", self->error, sizeof self->error);
        char byte = embedded ? '1' : '0';
        ssize_t written = write (ends[1], &byte, 1);
        (void)written;
        for (;;) {
            pause ();
        }
    }
    char byte = 0;
    assert_int_equal (read (ends[0], &byte, 1), 1);
    kill (bridge, SIGKILL);
    waitpid (bridge, NULL, 0);
    close (ends[0]);
    close (ends[1]);
    assert_int_equal (byte, '1');
    char url[256];
    snprintf (url, sizeof url, "unix://%s/redis.sock", self->dir);
    return s_server_pid (url);
}

static void test_server_of_a_killed_bridge_is_adopted (void **state)
{
    fixture_t *self = *state;
    pid_t left = s_leave_server_behind (self);
    s_start (self);
    assert_int_equal (s_server_pid (embedded_url (self->embedded)), left);
    s_expect_config (self, "appendfsync", "always");
}

static void test_adopted_server_that_dies_is_restarted (void **state)
{
    fixture_t *self = *state;
    pid_t left = s_leave_server_behind (self);
    s_start (self);
    s_kill_and_revive (self, SIGKILL);
    s_await_pong (embedded_url (self->embedded));
    assert_int_not_equal (s_server_pid (embedded_url (self->embedded)), left);
}

static void test_adopted_server_is_stopped_at_the_end (void **state)
{
    fixture_t *self = *state;
    s_leave_server_behind (self);
    s_start (self);
    int end = dup (embedded_fd (self->embedded));
    embedded_destroy (&self->embedded);
    struct pollfd item = {end, POLLIN, 0};
    assert_int_equal (poll (&item, 1, 0), 1);
    close (end);
}

//  A server that holds redis.lock but may not listen yet, as one of a bridge that was killed in between.
static pid_t s_leave_starting_server (fixture_t *self)
{
    int ends[2];
    assert_int_equal (mkdir (self->dir, 0700), 0);
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    pid_t pid = fork ();
    if (pid == 0) {
        char lock[160], socket_path[160];
        snprintf (lock, sizeof lock, "%s/redis.lock", self->dir);
        snprintf (socket_path, sizeof socket_path, "%s/redis.sock", self->dir);
        int fd = open (lock, O_RDWR | O_CREAT, 0600);
        if (fd < 0 || flock (fd, LOCK_EX | LOCK_NB) || write (ends[1], "1", 1) != 1) {
            _exit (1);
        }
        execlp ("redis-server", "redis-server", "--port", "0", "--unixsocket", socket_path, "--dir", self->dir,
            "--logfile", "/dev/null", "--save", "", NULL);
        _exit (1);
    }
    char byte;
    assert_int_equal (read (ends[0], &byte, 1), 1);
    close (ends[0]);
    close (ends[1]);
    return pid;
}

static void test_no_second_server_starts_while_one_is_about_to_listen (void **state)
{
    fixture_t *self = *state;
    pid_t left = s_leave_starting_server (self);
    s_start (self);
    assert_int_equal (s_server_pid (embedded_url (self->embedded)), left);
    embedded_destroy (&self->embedded);
    assert_int_equal (waitpid (left, NULL, 0), left);
}

static void test_stopped_server_is_refused_not_doubled (void **state)
{
    fixture_t *self = *state;
    pid_t left = s_leave_server_behind (self);
    kill (left, SIGSTOP);
    s_expect_refusal_with (self, "a redis-server that does not answer is at work in");
    kill (left, SIGCONT);
    s_start (self);
    assert_int_equal (s_server_pid (embedded_url (self->embedded)), left);
}

static void test_stale_socket_and_locks_do_not_disturb (void **state)
{
    fixture_t *self = *state;
    pid_t left = s_leave_server_behind (self);
    kill (left, SIGKILL);
    char socket_path[160];
    snprintf (socket_path, sizeof socket_path, "%s/redis.sock", self->dir);
    assert_int_equal (access (socket_path, F_OK), 0);
    s_start (self);
    assert_int_not_equal (s_server_pid (embedded_url (self->embedded)), left);
}

static void test_path_with_odd_characters_serves (void **state)
{
    fixture_t *self = *state;
    snprintf (self->dir, sizeof self->dir, "%s/a b%%41?c#\"d'é", self->base);
    s_start (self);
    freeReplyObject (s_ask (embedded_url (self->embedded), "PING"));
    s_expect_config (self, "dir", self->dir);
}

static void test_socket_path_beyond_106_bytes_is_refused (void **state)
{
    fixture_t *self = *state;
    memset (self->dir + strlen (self->dir), 'x', 100);
    self->dir[106 - strlen ("/redis.sock")] = 0;
    s_start (self);
    embedded_destroy (&self->embedded);
    strcat (self->dir, "y");
    char expected[512];
    snprintf (expected, sizeof expected,
        "redis.data_dir: %s/redis.sock is 107 bytes, a unix socket's path has at most 106: choose a shorter one",
        self->dir);
    s_expect_refusal (self, expected);
}

static void test_missing_server_is_told_with_the_remedy (void **state)
{
    fixture_t *self = *state;
    setenv ("PATH", self->base, 1);
    s_expect_refusal (self, "no redis-server in PATH: install redis-server or set [redis] mode = \"server\"");
    assert_int_equal (access (self->dir, F_OK), -1);
}

static void test_old_server_is_refused (void **state)
{
    fixture_t *self = *state;
    s_fake_server (self, "echo 'Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64'");
    s_expect_refusal (self, "redis-server 6.0 is too old: install 6.2 or newer or set [redis] mode = \"server\"");
}

static void test_broken_server_is_told_apart_from_a_missing_one (void **state)
{
    fixture_t *self = *state;
    s_fake_server (self, "exit 3");
    s_expect_refusal (self, "redis-server does not run: install redis-server or set [redis] mode = \"server\"");
}

static void test_server_that_dies_at_start_is_told_with_its_last_words (void **state)
{
    fixture_t *self = *state;
    s_fake_server (self, "if [ \"$1\" = --version ]; then echo 'Redis server v=7.0.15'; exit; fi\n"
                         "echo first; echo 'the disk is on fire' >&2; exit 1");
    char expected[512];
    snprintf (
        expected, sizeof expected, "redis-server ended at start: the disk is on fire (see %s/redis.log)", self->dir);
    s_expect_refusal (self, expected);
}

static void test_last_words_of_an_earlier_run_are_not_told (void **state)
{
    fixture_t *self = *state;
    s_start (self);
    embedded_destroy (&self->embedded);
    s_fake_server (self, "if [ \"$1\" = --version ]; then echo 'Redis server v=7.0.15'; exit; fi; exit 1");
    s_expect_refusal_with (self, "redis-server ended at start: it did not say why (see ");
}

static void test_broken_append_only_file_is_an_error_of_start (void **state)
{
    fixture_t *self = *state;
    s_start (self);
    redisReply *reply = s_ask (embedded_url (self->embedded), "CONFIG GET appenddirname");
    bool has_dir = reply->elements == 2;  //  since Redis 7
    freeReplyObject (reply);
    freeReplyObject (s_ask (embedded_url (self->embedded), "SET kept 1"));
    embedded_destroy (&self->embedded);
    char path[256];
    snprintf (
        path, sizeof path, has_dir ? "%s/appendonlydir/appendonly.aof.1.incr.aof" : "%s/appendonly.aof", self->dir);
    FILE *file = fopen (path, "r+");
    assert_non_null (file);
    fputs ("no append-only file begins like this", file);
    fclose (file);
    s_expect_refusal_with (self, "redis-server ended at start: ");
    assert_null (strstr (self->error, "did not say why"));
}

static void test_data_dir_below_a_file_is_refused (void **state)
{
    fixture_t *self = *state;
    snprintf (self->dir, sizeof self->dir, "%s/file", self->base);
    FILE *file = fopen (self->dir, "w");
    assert_non_null (file);
    fclose (file);
    char expected[512];
    snprintf (expected, sizeof expected, "redis.data_dir: cannot write in %s: Not a directory", self->dir);
    s_expect_refusal (self, expected);
    strcat (self->dir, "/data");
    snprintf (expected, sizeof expected, "redis.data_dir: cannot make %s: Not a directory", self->dir);
    s_expect_refusal (self, expected);
}

static void test_data_dir_that_is_not_writable_is_refused (void **state)
{
    fixture_t *self = *state;
    assert_int_equal (chmod (self->base, 0755), 0);
    assert_int_equal (mkdir (self->dir, 0555), 0);
    bool is_root = geteuid () == 0;  //  root may write everywhere
    if (is_root) {
        assert_int_equal (seteuid (65534), 0);
    }
    self->embedded = embedded_new (self->dir, "always", self->error, sizeof self->error);
    if (is_root) {
        assert_int_equal (seteuid (0), 0);
    }
    assert_null (self->embedded);
    char expected[512];
    snprintf (expected, sizeof expected, "redis.data_dir: cannot write in %s: Permission denied", self->dir);
    assert_string_equal (self->error, expected);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_server_is_private_durable_and_never_evicts),
        TEST (test_server_inherits_no_descriptor_signal_mask_or_session),
        TEST (test_killed_server_is_restarted_at_once_with_its_data),
        TEST (test_server_that_keeps_dying_is_restarted_after_growing_pauses),
        TEST (test_server_that_vanished_from_path_is_tried_again),
        TEST (test_destroy_stops_the_server_and_keeps_its_data),
        TEST (test_data_dir_of_another_bridge_is_refused_with_its_pid),
        TEST (test_server_of_a_killed_bridge_is_adopted),
        TEST (test_adopted_server_that_dies_is_restarted),
        TEST (test_adopted_server_is_stopped_at_the_end),
        TEST (test_no_second_server_starts_while_one_is_about_to_listen),
        TEST (test_stopped_server_is_refused_not_doubled),
        TEST (test_stale_socket_and_locks_do_not_disturb),
        TEST (test_path_with_odd_characters_serves),
        TEST (test_socket_path_beyond_106_bytes_is_refused),
        TEST (test_missing_server_is_told_with_the_remedy),
        TEST (test_old_server_is_refused),
        TEST (test_broken_server_is_told_apart_from_a_missing_one),
        TEST (test_server_that_dies_at_start_is_told_with_its_last_words),
        TEST (test_last_words_of_an_earlier_run_are_not_told),
        TEST (test_broken_append_only_file_is_an_error_of_start),
        TEST (test_data_dir_below_a_file_is_refused),
        TEST (test_data_dir_that_is_not_writable_is_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
