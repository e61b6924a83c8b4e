//  test_flight - what may be at Redis while publishes come beside a flood.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "flight.h"

enum { NOW_MS = 1000000, LATER_MS = 10000 };

static void test_who_publishes_alone_waits_for_nobody (void **state)
{
    flight_t self = {.now_ms = NOW_MS};
    flight_publish (&self, 1);
    assert_true (flight_batch_messages (&self, 1) > 1000);
    flight_take (&self);
    assert_true (flight_batch_messages (&self, 1) < 100);
    assert_true (flight_batch_messages (&self, 256) > flight_batch_messages (&self, 1));
    self.now_ms += LATER_MS;
    flight_take (&self);
    assert_true (flight_batch_messages (&self, 1) > 1000);
}

//  Channels take turns, a batch each.
static void test_a_flood_gets_as_much_as_the_largest_publish_beside_it (void **state)
{
    flight_t self = {.now_ms = NOW_MS};
    flight_take (&self);
    flight_publish (&self, 300);
    flight_publish (&self, 1);
    assert_int_equal (flight_batch_messages (&self, 1), 300);
    batch_t large = {.member_count = 300, .bytes = 30000};
    flight_add (&self, &large);
    assert_true (flight_has_room (&self));
    flight_remove (&self, &large);
    assert_true (flight_has_room (&self));
}

static void test_a_large_publish_is_forgotten_when_only_small_ones_come (void **state)
{
    flight_t self = {.now_ms = NOW_MS};
    flight_take (&self);
    flight_publish (&self, 1000);
    self.now_ms += LATER_MS;
    flight_take (&self);
    flight_publish (&self, 1);
    assert_true (flight_batch_messages (&self, 1) < 100);
    batch_t full = {.member_count = 100};
    flight_add (&self, &full);
    assert_false (flight_has_room (&self));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_who_publishes_alone_waits_for_nobody),
        cmocka_unit_test (test_a_flood_gets_as_much_as_the_largest_publish_beside_it),
        cmocka_unit_test (test_a_large_publish_is_forgotten_when_only_small_ones_come),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
