//  test_tally - what is missing, late or double, against a plain list of what came.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tally.h"

static void test_in_order_nothing_is_missing_but_the_end (void **state)
{
    tally_t *tally = tally_new (2, 3);
    for (uint32_t number = 0; number < 10; number++) {
        assert_int_equal (tally_add (tally, 1, number), TALLY_NEXT);
    }
    assert_int_equal (tally_count (tally), 10);
    assert_int_equal (tally_missing (tally, 1, 10, false), 0);
    assert_int_equal (tally_missing (tally, 1, 14, false), 4);
    assert_int_equal (tally_missing (tally, 1, 14, true), 0);
    assert_int_equal (tally_missing (tally, 0, 5, false), 5);
    tally_destroy (&tally);
    assert_null (tally);
}

static void test_order_counts_in_a_channel_only (void **state)
{
    tally_t *tally = tally_new (1, 2);
    assert_int_equal (tally_add (tally, 0, 1), TALLY_NEXT);
    assert_int_equal (tally_add (tally, 0, 0), TALLY_NEXT);
    assert_int_equal (tally_add (tally, 0, 6), TALLY_NEXT);
    assert_int_equal (tally_missing (tally, 0, 7, true), 2);
    assert_int_equal (tally_missing (tally, 0, 7, false), 4);
    assert_int_equal (tally_add (tally, 0, 4), TALLY_LATE);
    assert_int_equal (tally_add (tally, 0, 4), TALLY_DOUBLE);
    assert_int_equal (tally_add (tally, 0, 6), TALLY_DOUBLE);
    tally_destroy (&tally);
}

//  Numbers in any order, some twice and some never, over and over.
static void test_it_agrees_with_a_list (void **state)
{
    enum { ROUNDS = 300, NUMBERS = 200 };
    srand (7);
    for (int round = 0; round < ROUNDS; round++) {
        bool came[NUMBERS] = {false};
        size_t channels = 1 + (size_t)(rand () % 3);
        uint32_t newest[3] = {0}, count = 0;
        tally_t *tally = tally_new (1, channels);
        for (int step = 0; step < NUMBERS; step++) {
            uint32_t number = (uint32_t)(rand () % NUMBERS), *top = newest + number % channels;
            tally_verdict_t expected = came[number] ? TALLY_DOUBLE : number + 1 > *top ? TALLY_NEXT : TALLY_LATE;
            assert_int_equal (tally_add (tally, 0, number), expected);
            count += !came[number];
            came[number] = true;
            *top = number + 1 > *top ? number + 1 : *top;
        }
        uint32_t holes = 0;
        for (uint32_t number = 0; number < NUMBERS; number++) {
            holes += !came[number] && number < newest[number % channels];
        }
        assert_int_equal (tally_count (tally), count);
        assert_int_equal (tally_missing (tally, 0, NUMBERS, false), NUMBERS - count);
        assert_int_equal (tally_missing (tally, 0, NUMBERS, true), holes);
        tally_destroy (&tally);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_in_order_nothing_is_missing_but_the_end),
        cmocka_unit_test (test_order_counts_in_a_channel_only),
        cmocka_unit_test (test_it_agrees_with_a_list),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
