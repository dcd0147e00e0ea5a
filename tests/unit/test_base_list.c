/* SPDX-License-Identifier: MIT */
/* List: order after every operation, and the two promises (self-link, safe removal). */
#include "base/list.h"

#include "support/unit.h"

struct item {
        int number;
        struct list link;
};

static void check_order(struct list *head, const int *expected, int n_expected)
{
        int i = 0;

        list_for_each (at, head) {
                cr_assert_lt(i, n_expected);
                cr_assert_eq(list_entry(at, struct item, link)->number, expected[i]);
                i++;
        }
        cr_assert_eq(i, n_expected);
        for (struct list *at = head->prev; at != head; at = at->prev) {
                cr_assert_eq(list_entry(at, struct item, link)->number, expected[--i]);
        }
        cr_assert_eq(i, 0);
}

Test(list, a_new_head_is_empty)
{
        struct list head;

        list_init(&head);
        cr_assert(list_empty(&head));
        check_order(&head, NULL, 0);
}

Test(list, append_goes_last_and_push_goes_first)
{
        struct item items[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
        struct list head;

        list_init(&head);
        list_append(&head, &items[1].link);
        list_append(&head, &items[2].link);
        list_push(&head, &items[0].link);
        cr_assert_not(list_empty(&head));
        check_order(&head, (int[]){0, 1, 2}, 3);
}

Test(list, unlink_works_at_both_ends_and_twice)
{
        struct item items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
        struct list head;

        list_init(&head);
        for (int i = 0; i < 4; i++) {
                list_append(&head, &items[i].link);
        }
        list_unlink(&items[0].link);
        list_unlink(&items[3].link);
        list_unlink(&items[3].link);
        check_order(&head, (int[]){1, 2}, 2);
        list_unlink(&items[1].link);
        list_unlink(&items[2].link);
        cr_assert(list_empty(&head));
        cr_assert(list_empty(&items[2].link));
}

Test(list, safe_iteration_survives_removal_of_the_current_node)
{
        struct item items[5] = {{0}};
        struct list head;
        int n_seen = 0;

        list_init(&head);
        for (int i = 0; i < 5; i++) {
                items[i].number = i;
                list_append(&head, &items[i].link);
        }
        list_for_each_safe(at, &head)
        {
                if (n_seen++ % 2 == 0) {
                        list_unlink(at);
                }
        }
        cr_assert_eq(n_seen, 5);
        check_order(&head, (int[]){1, 3}, 2);
}
