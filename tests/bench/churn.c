/*
 * churn.c - clients that come and go: handshake, first connect, subscribe, disconnect, again and again.
 *
 * Over websocket each cycle has a new socket; over long-polling the connections are kept, the session and the
 * cookie are new.
 */
#include "workload.h"

static struct {
    const options *o;
    char channel[160];
    client *clients;
    uint64_t cycles;
    bool stopping;
    size_t running;
    histogram latency; /* of whole cycles */
    uint64_t *started_ns;
} run;

static void cycle_start(client *c)
{
    run.started_ns[c->number] = now_ns();
    c->jar.text[0] = 0;
    client_start(c);
}

static void cycle_end(client *c)
{
    if (c->transport == TRANSPORT_WS)
        client_close(c);
    if (run.stopping)
        run.running--;
    else
        cycle_start(c);
}

static void on_ready(client *c) { client_subscribe(c, run.channel); }

static void on_reply(client *c, slice channel, bool successful)
{
    (void)successful; /* a refusal is counted already; the cycle goes on to its end */
    if (slice_is(channel, "/meta/subscribe")) {
        client_disconnect(c);
    } else if (slice_is(channel, "/meta/disconnect")) {
        histogram_add(&run.latency, now_ns() - run.started_ns[c->number]);
        run.cycles++;
        cycle_end(c);
    }
}

static void on_lost(client *c)
{
    (void)c;
    run.running--; /* this slot stays empty: hammering a server that fails shows nothing */
}

static const client_events EVENTS = {.ready = on_ready, .reply = on_reply, .lost = on_lost};

static void run_for(double seconds)
{
    for (uint64_t end = after_seconds(seconds); now_ns() < end && run.running;)
        loop_poll(end);
}

int workload_churn(const options *o)
{
    run.o = o;
    if (!slice_copy(text_slice(o->subscription), run.channel, sizeof run.channel))
        die("--subscription is too long");
    if (!run.channel[0])
        chat_channel(o, run.channel, sizeof run.channel);
    run.clients = allocate(o->connections, sizeof *run.clients);
    run.started_ns = allocate(o->connections, sizeof *run.started_ns);
    run.running = o->connections;
    for (size_t i = 0; i < o->connections; i++) {
        client *c = &run.clients[i];
        client_init(c, &o->to, o->transport, &EVENTS);
        c->number = i;
        c->single_connect = true;
        c->command.source_address = source_address(o, i);
        cycle_start(c);
    }
    run_for(o->warm);
    run.cycles = 0;
    run.latency = (histogram){0};
    window w = window_open(o);
    run_for(o->seconds);
    window_close(&w, o);
    uint64_t cycles = run.cycles;
    run.stopping = true;
    run_for(o->drain);
    report_count("connections", o->connections);
    report_number("cycles_per_s", (double)cycles / w.seconds);
    report_latency(&run.latency);
    report_count("unfinished", run.running);
    report_window(&w, cycles);
    uint64_t bad = report_faults() + run.running;
    report_print();
    return bad ? 1 : 0;
}
