/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * List: intrusive, circular, doubly linked. The head is a node of its own, so insertion and removal
 * never branch. A node not in a list points at itself: list_unlink() twice is harmless.
 */

#include <stdbool.h>
#include <stddef.h>

struct list {
        struct list *prev;
        struct list *next;
};

static inline void list_init(struct list *l)
{
        l->prev = l->next = l;
}

static inline bool list_empty(const struct list *head)
{
        return head->next == head;
}

static inline void list_append(struct list *head, struct list *node)
{
        node->prev = head->prev;
        node->next = head;
        head->prev->next = node;
        head->prev = node;
}

static inline void list_push(struct list *head, struct list *node)
{
        list_append(head->next, node);
}

static inline void list_unlink(struct list *node)
{
        node->prev->next = node->next;
        node->next->prev = node->prev;
        list_init(node);
}

#define list_entry(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

#define list_for_each(pos, head) \
        for (struct list *pos = (head)->next; pos != (head); pos = pos->next)

/* The body may unlink `pos`. */
#define list_for_each_safe(pos, head)                                            \
        for (struct list *pos = (head)->next, *_next = pos->next; pos != (head); \
             pos = _next, _next = pos->next)
