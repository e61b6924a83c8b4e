//  test_histogram - what is told of values: never too low, and at most 1 part in 128 too high.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "histogram.h"

static void test_nothing_added_is_all_zero (void **state)
{
    histogram_t *histogram = histogram_new ();
    assert_int_equal (histogram_count (histogram), 0);
    assert_int_equal (histogram_least (histogram), 0);
    assert_int_equal (histogram_greatest (histogram), 0);
    assert_int_equal (histogram_share (histogram, 0.5), 0);
    assert_true (histogram_mean (histogram) == 0);
    histogram_destroy (&histogram);
    assert_null (histogram);
}

//  The middle one of three, between the least and the greatest of all.
static void s_expect_told (uint64_t value)
{
    histogram_t *histogram = histogram_new ();
    histogram_add (histogram, 0);
    histogram_add (histogram, value);
    histogram_add (histogram, UINT64_MAX);
    uint64_t told = histogram_share (histogram, 0.5);
    assert_true (told >= value);
    assert_true (told - value <= value / 128);
    assert_int_equal (histogram_least (histogram), 0);
    assert_true (histogram_greatest (histogram) == UINT64_MAX);
    histogram_destroy (&histogram);
}

static void test_every_value_is_told_within_one_percent (void **state)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t power = UINT64_C (1) << bit;
        s_expect_told (power - 1);
        s_expect_told (power);
        s_expect_told (power + power / 3);
    }
    for (uint64_t value = 0; value < 5000; value++) {
        s_expect_told (value);
    }
    s_expect_told (UINT64_MAX);
}

static int s_compare (const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void test_shares_are_those_of_the_sorted_values (void **state)
{
    enum { COUNT = 10000 };
    static const double shares[] = {0, 0.001, 0.25, 0.5, 0.95, 0.99, 0.999, 1};
    static uint64_t values[COUNT];
    histogram_t *histogram = histogram_new ();
    uint64_t seed = 1;
    for (size_t at = 0; at < COUNT; at++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        values[at] = seed >> (seed >> 32) % 50;
        histogram_add (histogram, values[at]);
    }
    qsort (values, COUNT, sizeof *values, s_compare);
    for (size_t at = 0; at < sizeof shares / sizeof *shares; at++) {
        size_t rank = (size_t)(shares[at] * COUNT);
        uint64_t value = values[rank > 0 ? rank - 1 : 0];
        uint64_t told = histogram_share (histogram, shares[at]);
        assert_true (told >= value && told - value <= value / 128);
    }
    assert_true (histogram_share (histogram, 1) == values[COUNT - 1]);
    assert_true (histogram_greatest (histogram) == values[COUNT - 1]);
    assert_true (histogram_least (histogram) == values[0]);
    histogram_destroy (&histogram);
}

static void test_merged_it_holds_what_both_held (void **state)
{
    histogram_t *one = histogram_new (), *other = histogram_new ();
    histogram_add (one, 10);
    histogram_add (one, 30);
    histogram_add (other, 5);
    histogram_add (other, 200);
    histogram_merge (one, other);
    assert_int_equal (histogram_count (one), 4);
    assert_int_equal (histogram_least (one), 5);
    assert_int_equal (histogram_greatest (one), 200);
    assert_int_equal (histogram_share (one, 0.5), 10);
    assert_true (histogram_mean (one) == 61.25);
    histogram_destroy (&one);
    histogram_destroy (&other);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_nothing_added_is_all_zero),
        cmocka_unit_test (test_every_value_is_told_within_one_percent),
        cmocka_unit_test (test_shares_are_those_of_the_sorted_values),
        cmocka_unit_test (test_merged_it_holds_what_both_held),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
