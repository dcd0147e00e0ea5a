/* SPDX-License-Identifier: MIT */
#include "net/net.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "net/conn.h"
#include "proto/envelope.h"

void net_on_tick(uv_timer_t *tick)
{
        struct net *net = tick->data;
        uint64_t now_ms = uv_now(&net->config.loop->uv);

        list_for_each_safe(node, &net->conns)
        {
                conn_check_deadline(list_entry(node, struct conn, node), now_ms);
        }
}

static uint32_t net_connections_max(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > UINT32_MAX) {
                return UINT32_MAX;
        }
        return limit.rlim_cur > 2 * NET_SPARE_FDS ? (uint32_t)limit.rlim_cur - NET_SPARE_FDS
                                                  : NET_SPARE_FDS;
}

int net_new(struct net **ret_net, const struct net_config *config)
{
        struct net *net = calloc(1, sizeof(*net));
        uv_loop_t *uv = &config->loop->uv;

        if (!net) {
                return -ENOMEM;
        }
        net->read_buffer = malloc(CONN_READ_BYTES);
        if (!net->read_buffer) {
                free(net);
                return -ENOMEM;
        }
        net->config = *config;
        net->limits = *config->limits;
        net->config.limits = &net->limits;
        if (net->config.n_connections_max == 0) {
                net->config.n_connections_max = net_connections_max();
        }
        list_init(&net->conns);
        list_init(&net->turns);
        list_init(&net->parked);
        list_init(&net->held);
        writer_init(&net->out, net->limits.output_bytes);
        uv_idle_init(uv, &net->idle);
        uv_timer_init(uv, &net->tick);
        uv_timer_init(uv, &net->relief);
        net->idle.data = net->tick.data = net->relief.data = net;
        net->n_open = 3;
        *ret_net = net;
        return 0;
}

void net_free(struct net *net)
{
        if (!net) {
                return;
        }
        hd_assert(net->n_open == 0 && list_empty(&net->conns));
        writer_deinit(&net->out);
        free(net->read_buffer);
        free(net);
}

/* Best effort: one datagram's worth into an empty socket buffer either fits or was not wanted. */
static void net_refuse(struct net *net, int fd, const char *why)
{
        struct writer writer;

        net_count(&net->n_refused, 1);
        writer_init(&writer, 1024);
        envelope_error_event(&writer, ERROR_LIMIT, why);
        if (writer_status(&writer) == 0) {
                (void)!send(fd, writer.bytes, writer.n, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        writer_deinit(&writer);
        close(fd);
}

static void net_on_accept(void *user, int fd, bool crowded)
{
        struct net_listener *listener = user;
        struct net *net = listener->net;

        if (crowded) {
                net_refuse(net, fd, "the daemon has no file descriptors left");
        } else if (net->n_connections >= net->config.n_connections_max) {
                net_refuse(net, fd, "the daemon has as many connections as it may");
        } else {
                conn_open(net, fd);
        }
}

int net_listen(struct net *net, int fd)
{
        struct net_listener *listener = &net->listeners[net->n_listeners];
        int r;

        if (net->n_listeners == NET_LISTENERS_MAX) {
                close(fd);
                return -ENOBUFS;
        }
        listener->net = net;
        r = listener_open(&listener->listener, &net->config.loop->uv, fd, net_on_accept, listener);
        if (r < 0) {
                return r;
        }
        net->n_listeners++;
        net->n_open++;
        return 0;
}

static void net_closed_one(struct net *net)
{
        if (--net->n_open == 0 && net->drained) {
                net->drained(net->drained_user);
        }
}

static void net_on_handle_closed(uv_handle_t *handle)
{
        net_closed_one(handle->data);
}

static void net_on_listener_closed(void *user)
{
        struct net_listener *listener = user;

        net_closed_one(listener->net);
}

/* Each tick of the drain: once the last connection is gone, so are the handles. */
static void net_on_drain_tick(uv_timer_t *tick)
{
        struct net *net = tick->data;

        net_on_tick(tick);
        if (list_empty(&net->conns) && !uv_is_closing((uv_handle_t *)tick)) {
                uv_close((uv_handle_t *)&net->idle, net_on_handle_closed);
                uv_close((uv_handle_t *)&net->tick, net_on_handle_closed);
                uv_close((uv_handle_t *)&net->relief, net_on_handle_closed);
        }
}

void net_drain(struct net *net, void (*drained)(void *user), void *user)
{
        uv_loop_t *uv = &net->config.loop->uv;

        hd_assert(!net->draining);
        net->draining = true;
        net->drained = drained;
        net->drained_user = user;
        uv_update_time(uv);
        net->drain_deadline_ms = uv_now(uv) + NET_DRAIN_MS;
        for (unsigned i = 0; i < net->n_listeners; i++) {
                listener_close(&net->listeners[i].listener, net_on_listener_closed);
        }
        parked_shutdown(net);
        uv_timer_start(&net->tick, net_on_drain_tick, NET_TICK_MS, NET_TICK_MS);
}

void net_get_stats(const struct net *net, struct net_stats *ret_stats)
{
#define GET(field) .field = atomic_load_explicit(&net->field, memory_order_relaxed)
        *ret_stats = (struct net_stats){
                GET(n_connections),  GET(n_accepted), GET(n_refused),
                GET(n_requests),     GET(n_errors),   GET(n_notifications_unknown),
                GET(n_unparsable),   GET(n_parked),   GET(n_held),
                GET(received_bytes), GET(sent_bytes),
        };
#undef GET
}
