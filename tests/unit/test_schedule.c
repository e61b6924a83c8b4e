//  test_schedule - the channel that is due first comes first, each channel once.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <czmq.h>
#include "schedule.h"

static void s_expect (schedule_t *schedule, const char *name)
{
    char *taken = schedule_take (schedule);
    assert_non_null (taken);
    assert_string_equal (taken, name);
    free (taken);
}

static void test_nothing_is_due_in_an_empty_schedule (void **state)
{
    schedule_t *schedule = schedule_new ();
    assert_true (schedule_first_ms (schedule) == INT64_MAX);
    assert_null (schedule_take (schedule));
    schedule_destroy (&schedule);
    assert_null (schedule);
}

static void test_a_channel_is_due_at_the_soonest_time_told (void **state)
{
    schedule_t *schedule = schedule_new ();
    schedule_add (schedule, span_text ("a"), 30);
    schedule_add (schedule, span_text ("b"), 20);
    schedule_add (schedule, span_text ("a"), 40);
    assert_int_equal (schedule_first_ms (schedule), 20);
    schedule_add (schedule, span_text ("a"), 10);
    assert_int_equal (schedule_first_ms (schedule), 10);
    s_expect (schedule, "a");
    assert_int_equal (schedule_first_ms (schedule), 20);
    s_expect (schedule, "b");
    assert_null (schedule_take (schedule));
    schedule_destroy (&schedule);
}

static void test_many_channels_come_in_the_order_of_their_times (void **state)
{
    enum { CHANNELS = 1000 };
    schedule_t *schedule = schedule_new ();
    unsigned seed = 1;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < CHANNELS; i++) {
            char name[16];
            snprintf (name, sizeof name, "c%d", i);
            schedule_add (schedule, span_text (name), rand_r (&seed) % 10000);
        }
    }
    int64_t last_ms = 0;
    for (int i = 0; i < CHANNELS; i++) {
        assert_true (schedule_first_ms (schedule) >= last_ms);
        last_ms = schedule_first_ms (schedule);
        char *name = schedule_take (schedule);
        assert_non_null (name);
        free (name);
    }
    assert_null (schedule_take (schedule));
    schedule_destroy (&schedule);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_nothing_is_due_in_an_empty_schedule),
        cmocka_unit_test (test_a_channel_is_due_at_the_soonest_time_told),
        cmocka_unit_test (test_many_channels_come_in_the_order_of_their_times),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
