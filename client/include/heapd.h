/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * libheapd: the client of heapd, a garbage-collected heap shared by the processes of a host.
 *
 * An object in the heap lives as long as somebody can reach it: a connected client through its
 * handles, or a name. When a client exits or is killed, what only it could reach is reclaimed.
 *
 *     struct heapd *conn;
 *     uint32_t point;
 *
 *     int r = heapd_connect(&conn, NULL);
 *     if (r == 0) {
 *             r = heapd_obj_new(conn, "record", HEAPD_VALUES(heapd_int(3), heapd_int(4)), &point);
 *     }
 *     if (r == 0) {
 *             r = heapd_name_put(conn, "point", point);
 *     }
 *     heapd_close(conn);           (the name still holds the object)
 *
 * RETURN VALUES. Every function that returns int returns
 *     0    done;
 *     > 0  the daemon refused this request, and the connection is as good as before: a HEAPD_E_*;
 *     < 0  a negative errno from this side. -EINVAL: the call was wrong, nothing was sent.
 *          -ENOBUFS: read results first. -EBADMSG: a value is not what was asked for.
 *          -ETIMEDOUT: see heapd_set_timeout(). Everything else means that the connection is of
 *          no further use and can only be closed: -ECONNRESET (the daemon went away), -EPROTO (it
 *          speaks something else), -ENOMEM, or what the kernel said.
 * Out-parameters (ret_...) come last and are untouched unless 0 is returned. heapd_error_text()
 * has the reason in words.
 *
 * OWNERSHIP. A connection owns everything but results. Strings and bytes given to a function are
 * copied before it returns. A result belongs to the caller until heapd_result_free(); what is read
 * from it is borrowed and lives as long as it does.
 *
 * HANDLES are numbers of one connection; each keeps its object alive. They come from calls that
 * create or look up, and inside results: every reference in a result is a new handle. Drop what
 * you no longer need (heapd_drop()), or close the connection, which drops them all.
 *
 * THREADS. A connection may be used by one thread at a time; different connections are
 * independent. The library has no global state, starts no threads, raises no signals (SIGPIPE
 * included), does not log and never ends the process.
 *
 * BOUNDS. A request may be 16 MiB long (the daemon may allow less) and nest 30 deep. 64 MiB of
 * results may wait to be read.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* A connection to a daemon. */
struct heapd;

/* The answer to one request. */
struct heapd_result;

/* ---- errors ------------------------------------------------------------------------------ */

/* What a daemon can refuse with. Numbers never change; later versions add to the end. */
enum heapd_error {
        HEAPD_E_PARSE = 1,
        HEAPD_E_BAD_REQUEST = 2,
        HEAPD_E_UNKNOWN_METHOD = 3,
        HEAPD_E_VERSION = 4,
        HEAPD_E_AUTH = 5,
        HEAPD_E_DENIED = 6,
        HEAPD_E_NO_SESSION = 7,
        HEAPD_E_NO_HANDLE = 8,
        HEAPD_E_BROKEN = 9,
        HEAPD_E_NO_NAME = 10,
        HEAPD_E_EXISTS = 11,
        HEAPD_E_GONE = 12,
        HEAPD_E_TYPE = 13,
        HEAPD_E_RANGE = 14,
        HEAPD_E_CONFLICT = 15,
        HEAPD_E_QUOTA = 16,
        HEAPD_E_NOMEM = 17,
        HEAPD_E_TOO_BIG = 18,
        HEAPD_E_LIMIT = 19,
        HEAPD_E_TIMEOUT = 20,
        HEAPD_E_CANCELLED = 21,
        HEAPD_E_CLOSED = 22,
        HEAPD_E_SEALED = 23,
        HEAPD_E_BUSY = 24,
        HEAPD_E_ABORTED = 25,
        HEAPD_E_READONLY = 26,
        HEAPD_E_NOT_PRIMARY = 27,
        HEAPD_E_SHUTDOWN = 28,
        HEAPD_E_INTERNAL = 29,
        HEAPD_E_OTHER = 1000, /* a code that this version of the library does not know */
};

/* The name of what a function returned: "NO_NAME", or the errno's text. Static; never NULL. */
const char *heapd_error_name(int code);

/* What the last failed call on this connection returned, 0 if none failed yet. */
int heapd_error_code(const struct heapd *conn);

/* The same as a sentence for people. Valid until the next call on the connection. */
const char *heapd_error_text(const struct heapd *conn);

/* ---- connections ------------------------------------------------------------------------- */

/* The version of the library: "0.1.0". */
const char *heapd_version(void);

/*
 * Connects to the daemon that listens on the UNIX socket `path`. NULL means $HEAPD_SOCKET, or
 * where that is not set, the first of /run/heapd/heapd.sock and $XDG_RUNTIME_DIR/heapd.sock that
 * answers. -ENAMETOOLONG: the path does not fit a socket address; -ENOENT or -ECONNREFUSED: no
 * daemon there; -EACCES: not for this user.
 */
int heapd_connect(struct heapd **ret_conn, const char *path);

/* The same over a connected stream socket, which is then owned and closed by the connection. */
int heapd_connect_fd(struct heapd **ret_conn, int fd);

/* Ends the session: its handles are dropped. Requests not flushed are not sent. NULL is fine. */
void heapd_close(struct heapd *conn);

/* The socket, for getsockopt() and the like; do not read, write or close it. */
int heapd_fd(const struct heapd *conn);

/*
 * How long a call may wait in all, in milliseconds; -1 (as in the beginning): without end. A call
 * that runs out of time returns -ETIMEDOUT; the connection stays usable. The request may take
 * effect all the same. Its answer is discarded when it comes, except that heapd_wait() and
 * heapd_finish() can be called again.
 */
void heapd_set_timeout(struct heapd *conn, int timeout_ms);

/* ---- values ------------------------------------------------------------------------------ */

enum heapd_type {
        HEAPD_NIL,
        HEAPD_BOOL,
        HEAPD_INT,  /* integers from -2^63 to 2^63-1 */
        HEAPD_UINT, /* and those above, up to 2^64-1 */
        HEAPD_FLOAT,
        HEAPD_STR, /* UTF-8, not terminated */
        HEAPD_BIN,
        HEAPD_ARRAY, /* see heapd_items() */
        HEAPD_MAP,
        HEAPD_REF, /* a reference to an object: a handle */
        HEAPD_EXT, /* any other MessagePack ext type */
};

/*
 * One value, to be copied freely. Read from a result it borrows the result's bytes; made by the
 * functions below it borrows those it was made from.
 */
struct heapd_value {
        enum heapd_type type;
        int32_t ext;  /* HEAPD_EXT: which */
        uint32_t n;   /* bytes of STR, BIN, EXT; elements of an ARRAY; pairs of a MAP */
        uint32_t ref; /* REF: the handle */
        union {
                bool boolean;
                int64_t sint;      /* INT */
                uint64_t uint;     /* UINT */
                double real;       /* FLOAT */
                const char *str;   /* STR */
                const void *bytes; /* BIN, EXT */
        };
        const void *reserved_raw; /* the library's: the encoded value */
        size_t reserved_n_raw;
};

static inline struct heapd_value heapd_nil(void)
{
        struct heapd_value value = {HEAPD_NIL, 0, 0, 0, {false}, NULL, 0};

        return value;
}

static inline struct heapd_value heapd_bool(bool boolean)
{
        struct heapd_value value = heapd_nil();

        value.type = HEAPD_BOOL;
        value.boolean = boolean;
        return value;
}

static inline struct heapd_value heapd_int(int64_t number)
{
        struct heapd_value value = heapd_nil();

        value.type = HEAPD_INT;
        value.sint = number;
        return value;
}

static inline struct heapd_value heapd_uint(uint64_t number)
{
        struct heapd_value value = heapd_nil();

        value.type = HEAPD_UINT;
        value.uint = number;
        return value;
}

static inline struct heapd_value heapd_float(double real)
{
        struct heapd_value value = heapd_nil();

        value.type = HEAPD_FLOAT;
        value.real = real;
        return value;
}

static inline struct heapd_value heapd_str(const char *bytes, uint32_t n)
{
        struct heapd_value value = heapd_nil();

        value.type = HEAPD_STR;
        value.n = n;
        value.str = bytes;
        return value;
}

static inline struct heapd_value heapd_text(const char *text)
{
        return heapd_str(text, (uint32_t)strlen(text));
}

static inline struct heapd_value heapd_bin(const void *bytes, uint32_t n)
{
        struct heapd_value value = heapd_nil();

        value.type = HEAPD_BIN;
        value.n = n;
        value.bytes = bytes;
        return value;
}

static inline struct heapd_value heapd_ref(uint32_t handle)
{
        struct heapd_value value = heapd_nil();

        value.type = HEAPD_REF;
        value.ref = handle;
        return value;
}

#ifndef __cplusplus
/* For the two arguments `values, n_values`: HEAPD_VALUES(heapd_int(1), heapd_text("one")). */
#define HEAPD_VALUES(...)                          \
        (const struct heapd_value[]){__VA_ARGS__}, \
                sizeof((const struct heapd_value[]){__VA_ARGS__}) / sizeof(struct heapd_value)
#endif

/* 0, or -EBADMSG if the value is of another type or does not fit. An int is no float here. */
int heapd_as_int(const struct heapd_value *value, int64_t *ret_number);
int heapd_as_uint(const struct heapd_value *value, uint64_t *ret_number);
int heapd_as_float(const struct heapd_value *value, double *ret_real);
int heapd_as_ref(const struct heapd_value *value, uint32_t *ret_handle);

/* True if the value is a string of exactly these bytes. */
bool heapd_is_text(const struct heapd_value *value, const char *text);

/* ---- results ----------------------------------------------------------------------------- */

/* What the daemon answered. Valid as long as the result; nil for a NULL result. */
const struct heapd_value *heapd_result_value(const struct heapd_result *result);

/* NULL is fine. Handles in the result stay bound. */
void heapd_result_free(struct heapd_result *result);

/* For `struct heapd_result *result heapd_auto_result = NULL;`: frees it at the end of the scope. */
static inline void heapd_result_freep(struct heapd_result **result)
{
        heapd_result_free(*result);
}
#define heapd_auto_result __attribute__((cleanup(heapd_result_freep)))

/* A walk over what is in an array, or in a map: key, value, key, value, ... */
struct heapd_items {
        const void *reserved_at;
        const void *reserved_end;
};

/* Of a value that is neither array nor map there are no items. */
struct heapd_items heapd_items(const struct heapd_value *container);

/* The next one; false at the end. */
bool heapd_item(struct heapd_items *items, struct heapd_value *ret_value);

/* The element at an index of an array, or the value of a string key of a map. Linear time. */
bool heapd_at(const struct heapd_value *array, uint32_t index, struct heapd_value *ret_value);
bool heapd_find(const struct heapd_value *map, const char *key, struct heapd_value *ret_value);

/* ---- requests ---------------------------------------------------------------------------- */

/*
 * Any method can be called by its name: heapd_begin(), then its parameters one after another, then
 * heapd_call() to wait for the answer, heapd_send() to pipeline, or heapd_post() if no answer is
 * wanted. Containers are announced with their number of items, which must follow. Optional
 * parameters go into one map at the end.
 *
 *     heapd_begin(conn, "name.list");
 *     heapd_put_text(conn, "config/");
 *     heapd_put_map(conn, 1);
 *     heapd_put_text(conn, "limit");
 *     heapd_put_int(conn, 100);
 *     r = heapd_call(conn, &result);
 *
 * The put functions cannot fail; what went wrong in them (-EINVAL: too few or too many items,
 * nested too deep, no heapd_begin(); -EMSGSIZE: over 16 MiB; -ENOMEM) is returned by the closing
 * call, and nothing of the request is sent. heapd_begin() forgets a request not closed.
 */
void heapd_begin(struct heapd *conn, const char *method);

void heapd_put_nil(struct heapd *conn);
void heapd_put_bool(struct heapd *conn, bool boolean);
void heapd_put_int(struct heapd *conn, int64_t number);
void heapd_put_uint(struct heapd *conn, uint64_t number);
void heapd_put_float(struct heapd *conn, double real);
void heapd_put_str(struct heapd *conn, const char *bytes, uint32_t n);
void heapd_put_text(struct heapd *conn, const char *text);
void heapd_put_bin(struct heapd *conn, const void *bytes, uint32_t n);
void heapd_put_ref(struct heapd *conn, uint32_t handle);
void heapd_put_array(struct heapd *conn, uint32_t n_elements);
void heapd_put_map(struct heapd *conn, uint32_t n_pairs);

/* Any value; one read from a result goes in whole, with all that is inside it. */
void heapd_put_value(struct heapd *conn, const struct heapd_value *value);

/* Sends all that is queued and waits for the answer. `ret_result` may be NULL. */
int heapd_call(struct heapd *conn, struct heapd_result **ret_result);

/* ---- pipelines --------------------------------------------------------------------------- */

/*
 * Queues the request. With `ret_id` its answer is kept for heapd_wait(). Without, a good answer is
 * discarded and the first bad one is what heapd_finish() returns: the way to load much.
 *
 * Requests leave when heapd_flush(), heapd_wait(), heapd_finish() or heapd_call() is called, or
 * when many are queued; they are executed and answered in the order sent. While the library
 * writes it also reads, so a pipeline of any length cannot block for ever. -ENOBUFS: too many
 * answers wait to be read; this request was not queued.
 */
int heapd_send(struct heapd *conn, uint32_t *ret_id);

/* Queues the request as a notification: it is executed in its turn, and nothing is answered. */
int heapd_post(struct heapd *conn);

/* Hands all that is queued to the kernel. */
int heapd_flush(struct heapd *conn);

/*
 * Flushes, and waits for the answer to request `id`, which can be had once. Returns as heapd_call()
 * does; -EINVAL for an id that is not outstanding. `ret_result` may be NULL.
 */
int heapd_wait(struct heapd *conn, uint32_t id, struct heapd_result **ret_result);

/*
 * Flushes, and waits until every request is answered. Returns the first bad answer to a request
 * that was sent without an id since the last heapd_finish(), if there was one.
 */
int heapd_finish(struct heapd *conn);

/* ---- handles ----------------------------------------------------------------------------- */

/*
 * A number for a handle that is not in use, for the option {into: number} of methods that bind one:
 * so objects can be created, linked and named in one pipeline. It stays taken until heapd_drop(),
 * also if the request fails. -ENOSPC: all numbers are in use.
 */
int heapd_number(struct heapd *conn, uint32_t *ret_number);

/* The map {into: number}, as the last parameter. */
void heapd_put_into(struct heapd *conn, uint32_t number);

/* Lets go of a handle. Queued, as heapd_post() does: it leaves with what is flushed next. */
int heapd_drop(struct heapd *conn, uint32_t handle);

/* One more handle to the same object. */
int heapd_dup(struct heapd *conn, uint32_t handle, uint32_t *ret_handle);

/* Whether two handles denote one object. */
int heapd_same(struct heapd *conn, uint32_t one, uint32_t other, bool *ret_same);

/* ---- names ------------------------------------------------------------------------------- */

/* A new handle to the object that bears `name`; HEAPD_E_NO_NAME. */
int heapd_name_get(struct heapd *conn, const char *name, uint32_t *ret_handle);

/* Names an object, which keeps it alive; the name is taken from the object that had it. */
int heapd_name_put(struct heapd *conn, const char *name, uint32_t handle);

/* `ret_deleted` (or NULL) tells whether an object had it. */
int heapd_name_del(struct heapd *conn, const char *name, bool *ret_deleted);

/*
 * {names: [[name, kind]...], cursor}: up to `limit` names (0: the daemon's choice) that begin with
 * `prefix`. `cursor` is NULL at first, then the one of the last result, until that is nil.
 */
int heapd_name_list(struct heapd *conn, const char *prefix, const struct heapd_value *cursor,
                    uint32_t limit, struct heapd_result **ret_result);

/* ---- objects ----------------------------------------------------------------------------- */

/*
 * A new object: `kind` is "record" or "array" with its values, or "map" with keys and values in
 * turn. HEAPD_E_NOMEM, HEAPD_E_QUOTA; -EINVAL for a map and an odd number.
 */
int heapd_obj_new(struct heapd *conn, const char *kind, const struct heapd_value *values,
                  size_t n_values, uint32_t *ret_handle);

struct heapd_info {
        char kind[16];
        uint64_t n_items;    /* slots, elements, entries, or bytes of a blob; of a weak reference 1,
                              * and 0 once its object is gone */
        uint64_t size_bytes; /* what the object itself takes in the heap */
        uint64_t version;    /* +1 with every change; 0 for what cannot change */
        bool weak;           /* a map that does not keep its values alive */
};

int heapd_obj_info(struct heapd *conn, uint32_t handle, struct heapd_info *ret_info);

/*
 * Slots by index, elements by index, or entries by key: an array in the order asked for. With no
 * keys, all there is: an array, or a map. References in it are new handles.
 */
int heapd_obj_get(struct heapd *conn, uint32_t handle, const struct heapd_value *keys,
                  size_t n_keys, struct heapd_result **ret_result);

/* Follows one key after another from object to object, and reads what the last one leads to. */
int heapd_obj_walk(struct heapd *conn, uint32_t handle, const struct heapd_value *keys,
                   size_t n_keys, struct heapd_result **ret_result);

/* Writes keys and values given in turn, all of them or none. `ret_version` may be NULL. */
int heapd_obj_set(struct heapd *conn, uint32_t handle, const struct heapd_value *pairs,
                  size_t n_values, uint64_t *ret_version);

/* Writes `value` if what is there equals `expect`; references are equal if the object is the same.
 */
int heapd_obj_cas(struct heapd *conn, uint32_t handle, const struct heapd_value *key,
                  const struct heapd_value *expect, const struct heapd_value *value,
                  bool *ret_swapped);

/* Adds to an integer; `ret_sum` may be NULL. */
int heapd_obj_add(struct heapd *conn, uint32_t handle, const struct heapd_value *key, int64_t delta,
                  int64_t *ret_sum);

/* Appends; `ret_n_elements` may be NULL. */
int heapd_array_push(struct heapd *conn, uint32_t handle, const struct heapd_value *values,
                     size_t n_values, uint64_t *ret_n_elements);

/* An array of `n` elements from `index` on, fewer where the array ends. */
int heapd_array_read(struct heapd *conn, uint32_t handle, uint64_t index, uint64_t n,
                     struct heapd_result **ret_result);

/* Replaces `n_removed` elements by others; the result (or NULL) holds those removed. */
int heapd_array_splice(struct heapd *conn, uint32_t handle, uint64_t index, uint64_t n_removed,
                       const struct heapd_value *values, size_t n_values,
                       struct heapd_result **ret_result);

/* Removes entries of a map; `ret_n_removed` may be NULL. */
int heapd_map_del(struct heapd *conn, uint32_t handle, const struct heapd_value *keys,
                  size_t n_keys, uint64_t *ret_n_removed);

/* {items: [[key, value]...], cursor}: as heapd_name_list() goes through names. */
int heapd_map_scan(struct heapd *conn, uint32_t handle, const struct heapd_value *cursor,
                   uint32_t limit, struct heapd_result **ret_result);

/*
 * A map that does not keep its values alive, which must be references: when one of its objects is
 * collected, its entry goes. For the rest it is used as any map.
 */
int heapd_weak_map_new(struct heapd *conn, const struct heapd_value *values, size_t n_values,
                       uint32_t *ret_handle);

/* A weak reference to an object: it does not keep it alive. `token` is a value to go with it, or
 * NULL. */
int heapd_weak_new(struct heapd *conn, uint32_t handle, const struct heapd_value *token,
                   uint32_t *ret_handle);

/* A new handle to the object of a weak reference, or 0 if it is gone; once gone, always gone. */
int heapd_weak_get(struct heapd *conn, uint32_t handle, uint32_t *ret_handle);

/* A blob of these bytes. */
int heapd_blob_new(struct heapd *conn, const void *bytes, uint32_t n, uint32_t *ret_handle);

/* A BIN of `n` bytes from `offset` on, fewer where the blob ends. */
int heapd_blob_read(struct heapd *conn, uint32_t handle, uint64_t offset, uint64_t n,
                    struct heapd_result **ret_result);

/* ---- the daemon -------------------------------------------------------------------------- */

/* Says who is calling, for the daemon's lists; the result (or NULL) has versions and limits. */
int heapd_hello(struct heapd *conn, const char *client, struct heapd_result **ret_result);

/* Answers at once; `ret_cycle` (or NULL) is the number of the last finished collection. */
int heapd_ping(struct heapd *conn, uint64_t *ret_cycle);

/* A map of sections, each a map of numbers. */
int heapd_stats(struct heapd *conn, struct heapd_result **ret_result);

/* Starts a collection and, with `wait`, waits for its end; `ret_cycle` (or NULL) is its number. */
int heapd_gc(struct heapd *conn, bool wait, uint64_t *ret_cycle);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
