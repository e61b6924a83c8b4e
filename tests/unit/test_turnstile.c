//  test_turnstile - it shuts when too many handshakes are left open, and opens again by itself.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <czmq.h>
#include <poll.h>
#include <sys/socket.h>
#include "turnstile.h"

enum { PATIENCE_MS = 20000, SILENCE_MS = 200 };

static const char endpoint[] = "tcp://127.0.0.1:1";

static int s_listen (struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    int fd = socket (AF_INET, SOCK_STREAM, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    assert_int_equal (bind (fd, (struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal (listen (fd, 10), 0);
    assert_int_equal (getsockname (fd, (struct sockaddr *)address, &size), 0);
    return fd;
}

//  Begins to connect.
static int s_dial (const struct sockaddr_in *address)
{
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true (fd >= 0);
    int rc = connect (fd, (const struct sockaddr *)address, sizeof *address);
    assert_true (rc == 0 || errno == EINPROGRESS || errno == ECONNREFUSED);
    return fd;
}

static bool s_gets_in (int fd, int wait_ms)
{
    struct pollfd item = {fd, POLLOUT, 0};
    return poll (&item, 1, wait_ms) == 1 && !(item.revents & (POLLERR | POLLHUP));
}

static void s_fill (turnstile_t *self)
{
    int left = 2 * TURNSTILE_MOST;
    while (!turnstile_begin (self)) {
        assert_true (left-- > 0);
    }
}

static void test_who_shows_a_key_is_not_counted (void **state)
{
    turnstile_t *self = turnstile_new ();
    for (int i = 0; i < 10 * TURNSTILE_MOST; i++) {
        assert_false (turnstile_begin (self));
        turnstile_succeed (self);
    }
    assert_int_equal (turnstile_turn (self), -1);
    turnstile_destroy (&self);
}

static void test_when_full_nobody_gets_in_until_it_has_leaked (void **state)
{
    struct sockaddr_in address;
    turnstile_t *self = turnstile_new ();
    int listener = s_listen (&address);
    turnstile_add (self, endpoint, listener);
    s_fill (self);
    assert_true (turnstile_turn (self) > 0);
    int peer = s_dial (&address);
    assert_false (s_gets_in (peer, SILENCE_MS));
    for (int wait_ms; (wait_ms = turnstile_turn (self)) >= 0;) {
        zclock_sleep (wait_ms);
    }
    assert_true (s_gets_in (peer, PATIENCE_MS));
    close (peer);
    close (listener);
    turnstile_destroy (&self);
}

static void test_who_listens_while_it_is_shut_hears_nothing_either (void **state)
{
    struct sockaddr_in address;
    turnstile_t *self = turnstile_new ();
    s_fill (self);
    int listener = s_listen (&address);
    turnstile_add (self, endpoint, listener);
    int peer = s_dial (&address);
    assert_false (s_gets_in (peer, SILENCE_MS));
    close (peer);
    close (listener);
    turnstile_destroy (&self);
}

static void test_a_socket_that_listens_no_longer_is_let_go (void **state)
{
    struct sockaddr_in address;
    turnstile_t *self = turnstile_new ();
    int listener = s_listen (&address);
    turnstile_add (self, endpoint, listener);
    close (listener);
    turnstile_remove (self, endpoint);
    int peer = s_dial (&address);
    assert_false (s_gets_in (peer, PATIENCE_MS));
    close (peer);
    turnstile_destroy (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_who_shows_a_key_is_not_counted),
        cmocka_unit_test (test_when_full_nobody_gets_in_until_it_has_leaked),
        cmocka_unit_test (test_who_listens_while_it_is_shut_hears_nothing_either),
        cmocka_unit_test (test_a_socket_that_listens_no_longer_is_let_go),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
