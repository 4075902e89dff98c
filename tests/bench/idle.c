/*
 * idle.c - clients that only hold their connect (with -x: after starting a chat); what does each cost the server?
 *
 * A few clients come first and are not counted, so that the server's one-time allocations do not look like the
 * price of a client.
 */
#include <stdio.h>

#include "workload.h"

static struct {
    const options *o;
    char channel[160];
    client *clients;
    size_t first; /* number of the first client of the current group */
    size_t ready;
    uint64_t chat_errors;
} run;

static void on_ready(client *c)
{
    if (!run.o->with_chat) {
        run.ready++;
        return;
    }
    client_publish(c, run.channel, text_slice("{\"operation\":\"requestChat\",\"nickname\":\"idle\"}"));
}

static void on_event(client *c, slice channel, slice data)
{
    (void)channel;
    bool first = c->owner == NULL;
    if (!chat_answer_read(data).ok)
        run.chat_errors++;
    else
        run.ready += first;
    c->owner = c; /* answered */
}

static const client_events EVENTS = {.ready = on_ready, .event = on_event};

static void client_begin(size_t number)
{
    client *c = &run.clients[run.first + number];
    client_init(c, &run.o->to, run.o->transport, &EVENTS);
    c->command.source_address = source_address(run.o, run.first + number);
    client_start(c);
}

static bool add_group(size_t first, size_t count)
{
    run.first = first;
    run.ready = 0;
    bool complete = setup_all(run.o, count, client_begin, &run.ready);
    for (size_t i = first; i < first + count; i++)
        client_release_command(&run.clients[i]);
    return complete;
}

static void rest(double seconds)
{
    for (uint64_t end = after_seconds(seconds); now_ns() < end;)
        loop_poll(end);
}

int workload_idle(const options *o)
{
    run.o = o;
    chat_channel(o, run.channel, sizeof run.channel);
    size_t ahead = o->clients / 10 + 1;
    run.clients = allocate(ahead + o->clients, sizeof *run.clients);
    if (!add_group(0, ahead))
        return 2;
    rest(o->settle);
    server_usage before = server_read(o->pids);
    if (!add_group(ahead, o->clients))
        return 2;
    rest(o->settle);
    server_usage after = server_read(o->pids);
    window w = window_open(o);
    rest(o->seconds);
    window_close(&w, o);
    report_count("clients", o->clients);
    report_text("state", o->with_chat ? "chat" : "handshake");
    report_number("kb_per_client", ((double)after.resident_kb - (double)before.resident_kb) / (double)o->clients);
    report_count("resident_kb", after.resident_kb);
    report_number("cpu_percent", 100 * w.server_cpu / w.seconds);
    report_count("chat_err", run.chat_errors);
    report_window(&w, 0);
    uint64_t bad = report_faults() + run.chat_errors;
    report_print();
    return bad ? 1 : 0;
}
