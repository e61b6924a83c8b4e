//  test_gate - nobody gets in where no gate is, and clients do where one is; zrb's own connections among them.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "asker.h"
#include "gate.h"
#include "socket.h"

enum { PATIENCE_MS = 20000, ONE_TRY_MS = 500 };

typedef struct {
    config_t config;
    void *router;
    char endpoint[256];
    keys_t keys;
    asker_t *asker;
} fixture_t;

//  A ROUTER that speaks CURVE, and an asker with a key pair of its own.
static int s_setup (void **state)
{
    fixture_t *self = calloc (1, sizeof *self);
    char secret[KEYS_TEXT];
    size_t size = sizeof self->endpoint;
    zsys_init ();
    assert_int_equal (zmq_curve_keypair (self->keys.server, secret), 0);
    assert_int_equal (zmq_curve_keypair (self->keys.public_key, self->keys.secret_key), 0);
    assert_non_null (zmq_z85_decode (self->config.secret, secret));
    self->config.curve = true;
    self->config.max_message_bytes = 1000;
    *state = self;
    self->router = socket_open (ZMQ_ROUTER, 10, 10, &self->config);
    assert_non_null (self->router);
    assert_int_equal (zmq_bind (self->router, "tcp://127.0.0.1:*"), 0);
    zmq_getsockopt (self->router, ZMQ_LAST_ENDPOINT, self->endpoint, &size);
    self->asker = asker_new (zsys_init (), self->endpoint, 1, &self->keys);
    assert_non_null (self->asker);
    return 0;
}

static int s_teardown (void **state)
{
    fixture_t *self = *state;
    asker_destroy (&self->asker);
    zmq_close (self->router);
    free (self);
    return 0;
}

//  True when the ROUTER has been asked within that time.
static bool s_is_asked (const fixture_t *self, int wait_ms)
{
    zmq_pollitem_t item = {self->router, 0, ZMQ_POLLIN, 0};
    return zmq_poll (&item, 1, wait_ms) == 1;
}

static clients_t s_clients (const fixture_t *self)
{
    clients_t clients = {calloc (1, sizeof (client_t)), 1};
    strcpy (clients.items[0].name, "alice");
    memcpy (clients.items[0].key, self->keys.public_key, sizeof clients.items[0].key);
    return clients;
}

//  Waits until a connection of the asker's kind has failed.
static void s_expect_failure (const fixture_t *self)
{
    void *peer = zmq_socket (zsys_init (), ZMQ_DEALER), *monitor = zmq_socket (zsys_init (), ZMQ_PAIR);
    keys_apply (&self->keys, peer);
    zmq_socket_monitor (peer, "inproc://peer", ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    zmq_connect (monitor, "inproc://peer");
    zmq_connect (peer, self->endpoint);
    int wait_ms = PATIENCE_MS;
    uint8_t event[6];
    uint16_t number;
    zmq_setsockopt (monitor, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
    assert_int_equal (zmq_recv (monitor, event, sizeof event, 0), sizeof event);
    memcpy (&number, event, sizeof number);
    assert_int_equal (number, ZMQ_EVENT_DISCONNECTED);
    zmq_socket_monitor (peer, NULL, 0);
    zmq_close (peer);
    zmq_close (monitor);
}

static void test_nobody_gets_in_without_a_gate (void **state)
{
    fixture_t *self = *state;
    asker_begin (self->asker, "ping", 0);
    asker_send (self->asker);
    s_expect_failure (self);
    assert_false (s_is_asked (self, 0));

    clients_t clients = s_clients (self);
    gate_t *gate = gate_new (&clients);
    assert_true (s_is_asked (self, PATIENCE_MS));
    gate_destroy (&gate);
    clients_clear (&clients);
    s_expect_failure (self);
}

static void test_who_is_let_in_changes (void **state)
{
    fixture_t *self = *state;
    clients_t nobody = {NULL, 0}, clients = s_clients (self);
    zactor_t *gate = zactor_new (gate_actor, gate_new (&nobody));
    gate_watch (self->router);
    asker_begin (self->asker, "ping", 0);
    asker_send (self->asker);
    s_expect_failure (self);
    assert_false (s_is_asked (self, 0));
    gate_tell (gate, &clients);
    //  Who was refused does not try again by itself.
    bool asked = false;
    for (int waited_ms = 0; !asked && waited_ms < PATIENCE_MS; waited_ms += ONE_TRY_MS) {
        asker_destroy (&self->asker);
        self->asker = asker_new (zsys_init (), self->endpoint, 1, &self->keys);
        asker_begin (self->asker, "ping", 0);
        asker_send (self->asker);
        asked = s_is_asked (self, ONE_TRY_MS);
    }
    assert_true (asked);
    clients_clear (&clients);
    zactor_destroy (&gate);
}

static void test_keys_that_are_none_are_told (void **state)
{
    keys_t keys;
    const char *which;
    assert_string_equal (keys_read (&keys, "/nowhere", "/nowhere too", &which), "No such file or directory");
    assert_string_equal (which, "/nowhere");
    assert_string_equal (keys_read (&keys, "/dev/null", "/nowhere", &which), "has no public-key");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown (test_nobody_gets_in_without_a_gate, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_who_is_let_in_changes, s_setup, s_teardown),
        cmocka_unit_test (test_keys_that_are_none_are_told),
    };
    int status = cmocka_run_group_tests (tests, NULL, NULL);
    zsys_shutdown ();
    return status;
}
