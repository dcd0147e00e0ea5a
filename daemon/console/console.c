/* SPDX-License-Identifier: MIT */
#include "console/console.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "console/line.h"
#include "gc/gc.h"

#define CONSOLE_READ_BYTES 512u
#define CONSOLE_PROMPT     "> "

/*
 * A peer is reading, or busy: with a command under way, or with its answer being written. While
 * busy it is not read from, so what a person types ahead waits in the socket, or in `input`.
 */
struct peer {
        struct list node;
        struct console *console;
        uv_pipe_t pipe;
        uv_write_t write;
        struct line line;
        struct letter letter; /* to the executor and back */
        const struct command *command;
        struct command_call call;
        struct text out;
        char argument[LINE_BYTES_MAX + 1];
        char input[CONSOLE_READ_BYTES];
        size_t at, n; /* of input */
        bool busy;
        bool asked; /* the letter is under way */
        bool closing;
        bool closed;
};

static void peer_go_on(struct peer *peer);

/* Only when libuv is done with it and no letter is under way. */
static void peer_free(struct peer *peer)
{
        if (peer->closed && !peer->asked) {
                peer->console->n_peers--;
                text_deinit(&peer->out);
                free(peer);
        }
}

static void peer_on_close(uv_handle_t *handle)
{
        struct peer *peer = handle->data;

        peer->closed = true;
        peer_free(peer);
}

static void peer_close(struct peer *peer)
{
        if (!peer->closing) {
                peer->closing = true;
                list_unlink(&peer->node);
                uv_close((uv_handle_t *)&peer->pipe, peer_on_close);
        }
}

static void peer_on_write(uv_write_t *write, int status)
{
        struct peer *peer = write->data;

        text_deinit(&peer->out);
        peer->busy = false;
        if (status < 0 || peer->call.quit) {
                peer_close(peer);
        } else {
                peer_go_on(peer);
        }
}

/* Sends what is in `out`, and the prompt. */
static void peer_answer(struct peer *peer)
{
        uv_buf_t buf;

        if (peer->closing) {
                return;
        }
        if (peer->out.cut) {
                peer->out.cut = false;
                peer->out.n -= peer->out.n > 64 ? 64 : peer->out.n; /* room to say so */
                text_add(&peer->out, "\n(cut)\n");
        }
        if (!peer->call.quit) {
                text_add(&peer->out, CONSOLE_PROMPT);
        }
        peer->busy = true;
        buf = uv_buf_init(peer->out.bytes, (unsigned)peer->out.n);
        if (uv_write(&peer->write, (uv_stream_t *)&peer->pipe, &buf, 1, peer_on_write) < 0) {
                peer_close(peer);
        }
}

/* Back on the service loop. */
static void peer_on_answer(struct letter *letter)
{
        struct peer *peer = (struct peer *)((char *)letter - offsetof(struct peer, letter));

        peer->asked = false;
        peer_answer(peer);
        peer_free(peer);
}

/* On the executor, between two requests. */
static void peer_on_question(struct letter *letter)
{
        struct peer *peer = (struct peer *)((char *)letter - offsetof(struct peer, letter));
        struct mutator *mutator = peer->console->sources.mutator;
        int r;

        gc_enter(mutator);
        peer->command->run(&peer->call);
        gc_leave(mutator);
        letter->deliver = peer_on_answer;
        r = mailbox_post(&peer->console->loop->mailbox, letter);
        hd_assert(r == 0); /* one letter a peer, and this mailbox closes last */
}

static void peer_run(struct peer *peer)
{
        peer->call = (struct command_call){
                .sources = &peer->console->sources,
                .argument = peer->argument,
                .out = &peer->out,
        };
        peer->busy = true;
        if (peer->command->place == COMMAND_HERE) {
                peer->command->run(&peer->call);
                if (peer->call.cycle == 0) {
                        peer_answer(peer);
                }
                return;
        }
        peer->letter.deliver = peer_on_question;
        peer->asked = true;
        if (mailbox_post(&peer->console->executor->mailbox, &peer->letter) != 0) {
                peer->asked = false;
                text_add(&peer->out, "the daemon is stopping or too busy\n");
                peer_answer(peer);
        }
}

static void peer_obey(struct peer *peer)
{
        char *words[COMMAND_WORDS_MAX];
        unsigned n_words = line_split(peer->line.text, words, COMMAND_WORDS_MAX);

        peer->call.quit = false;
        if (n_words == 0) {
                peer_answer(peer);
                return;
        }
        peer->command = command_find(words[0]);
        if (!peer->command) {
                text_add(&peer->out, "no command '");
                text_add_escaped(&peer->out, words[0], strnlen(words[0], 64));
                text_add(&peer->out, "'; help lists them\n");
                peer_answer(peer);
        } else if (n_words - 1 > peer->command->n_arguments_max) {
                text_add(&peer->out, "usage: %s\n", peer->command->syntax);
                peer_answer(peer);
        } else {
                memcpy(peer->argument, n_words > 1 ? words[1] : "",
                       n_words > 1 ? strlen(words[1]) + 1 : 1);
                peer_run(peer);
        }
}

static void peer_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
        struct peer *peer = handle->data;

        *ret_buf = uv_buf_init(peer->input, CONSOLE_READ_BYTES);
}

static void peer_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
        struct peer *peer = stream->data;

        if (n < 0) {
                peer_close(peer);
                return;
        }
        uv_read_stop(stream);
        peer->at = 0;
        peer->n = (size_t)n;
        peer_go_on(peer);
}

/* Takes lines out of what was read until one keeps it busy, then reads on. */
static void peer_go_on(struct peer *peer)
{
        while (!peer->busy && !peer->closing && peer->at < peer->n) {
                enum line_outcome outcome = line_feed(&peer->line,
                                                      (uint8_t)peer->input[peer->at++]);

                if (outcome == LINE_READY) {
                        peer_obey(peer);
                } else if (outcome == LINE_TOO_LONG) {
                        text_add(&peer->out, "a line has at most %u bytes\n", LINE_BYTES_MAX);
                        peer_answer(peer);
                }
        }
        if (!peer->busy && !peer->closing &&
            uv_read_start((uv_stream_t *)&peer->pipe, peer_on_alloc, peer_on_read) < 0) {
                peer_close(peer);
        }
}

static void console_on_accept(void *user, int fd, bool crowded)
{
        struct console *console = user;
        struct peer *peer;

        peer = crowded || console->n_peers == CONSOLE_PEERS_MAX ? NULL : calloc(1, sizeof(*peer));
        if (!peer) {
                close(fd);
                return;
        }
        peer->console = console;
        line_init(&peer->line);
        uv_pipe_init(&console->loop->uv, &peer->pipe, 0);
        peer->pipe.data = peer->write.data = peer;
        list_append(&console->peers, &peer->node);
        console->n_peers++;
        if (uv_pipe_open(&peer->pipe, fd) < 0) {
                close(fd);
                peer_close(peer);
                return;
        }
        text_add(&peer->out, "heapd %s: help lists the commands\n", HEAPD_VERSION);
        peer_answer(peer);
}

int console_open(struct console *console, struct loop *loop, struct loop *executor, int fd,
                 const struct console_sources *sources)
{
        *console = (struct console){.loop = loop, .executor = executor, .sources = *sources};
        list_init(&console->peers);
        return listener_open(&console->listener, &loop->uv, fd, console_on_accept, console);
}

void console_close(struct console *console)
{
        listener_close(&console->listener, NULL);
        list_for_each_safe(node, &console->peers)
        {
                peer_close(list_entry(node, struct peer, node));
        }
}

void console_cycle_ended(struct console *console, uint64_t cycle)
{
        list_for_each_safe(node, &console->peers)
        {
                struct peer *peer = list_entry(node, struct peer, node);

                if (peer->call.cycle != 0 && peer->call.cycle <= cycle) {
                        peer->call.cycle = 0;
                        command_gc_ended(&console->sources, &peer->out);
                        peer_answer(peer);
                }
        }
}
