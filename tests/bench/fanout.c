/*
 * fanout.c - one publisher, many subscribers of one broadcast channel; a closed loop with a fixed number of
 * messages that have not reached everybody yet.
 */
#include <stdio.h>
#include <unistd.h>

#include "workload.h"

static struct {
    const options *o;
    char channel[256];
    client publisher;
    client *subscribers;
    tracker *seen;
    uint32_t *arrived; /* per outstanding message (ring), how many have it */
    size_t ready;
    bool publisher_ready, stopping;
    uint32_t sent;
    uint64_t completed, delivered, duplicates, reordered, misrouted;
    histogram latency;
} run;

enum { RING = 1 << 12 }; /* at most this many messages are outstanding */

static void publish(void)
{
    char text[4096];
    buf data = {0};
    run.arrived[run.sent % RING] = 0;
    marker_text((marker){0, 0, run.sent++, now_ns()}, text, run.o->text_size);
    buf_format(&data, "{\"text\":\"%s\"}", text);
    client_publish(&run.publisher, run.channel, (slice){data.p, data.len});
    buf_free(&data);
}

static void on_event(client *c, slice channel, slice data)
{
    marker m;
    if (c == &run.publisher || !slice_is(channel, run.channel) || !marker_find(data, &m)) {
        run.misrouted++;
        return;
    }
    if (m.sequence >= run.sent) {
        faults.protocol++;
        return;
    }
    verdict v = tracker_add(&run.seen[c->number], m.sequence);
    if (v == DUPLICATE) {
        run.duplicates++;
        return;
    }
    run.reordered += v == REORDERED;
    run.delivered++;
    histogram_add(&run.latency, now_ns() - m.time_ns);
    if (++run.arrived[m.sequence % RING] == run.o->clients) {
        run.completed++;
        if (!run.stopping)
            publish();
    }
}

static void on_ready(client *c)
{
    if (c == &run.publisher)
        run.publisher_ready = true;
    else
        client_subscribe(c, run.channel);
}

static void on_reply(client *c, slice channel, bool successful)
{
    if (successful && slice_is(channel, "/meta/subscribe")) {
        client_release_command(c);
        run.ready++;
    }
}

static const client_events EVENTS = {.ready = on_ready, .event = on_event, .reply = on_reply};

static void subscriber_start(size_t number)
{
    client *c = &run.subscribers[number];
    client_init(c, &run.o->to, run.o->transport, &EVENTS);
    c->number = number;
    c->command.source_address = source_address(run.o, number);
    run.seen[number] = tracker_new();
    client_start(c);
}

static const double PUBLISHER_SECONDS = 10; /* it began first; far beyond any handshake */

static bool setup(const options *o)
{
    client_init(&run.publisher, &o->to, o->transport, &EVENTS);
    client_start(&run.publisher);
    if (!setup_all(o, o->clients, subscriber_start, &run.ready))
        return false;
    /* With a few subscribers the publisher may be the last to be ready. */
    for (uint64_t end = after_seconds(PUBLISHER_SECONDS); !run.publisher_ready && now_ns() < end;)
        loop_poll(after_seconds(0.05));
    return run.publisher_ready;
}

static void run_for(double seconds)
{
    for (uint64_t end = after_seconds(seconds); now_ns() < end;)
        loop_poll(end);
}

static int report(const window *w, uint64_t delivered)
{
    uint64_t lost = (uint64_t)run.sent * run.o->clients - run.delivered;
    report_count("clients", run.o->clients);
    report_count("outstanding", run.o->outstanding);
    report_number("deliveries_per_s", (double)delivered / w->seconds);
    report_latency(&run.latency);
    report_count("messages", run.sent);
    report_count("lost", lost);
    report_count("dup", run.duplicates);
    report_count("reordered", run.reordered);
    report_count("misrouted", run.misrouted);
    report_window(w, delivered);
    report_memory(w, run.o->clients);
    uint64_t bad = report_faults() + lost + run.duplicates + run.reordered + run.misrouted;
    report_print();
    return bad ? 1 : 0;
}

int workload_fanout(const options *o)
{
    run.o = o;
    if (o->outstanding >= RING)
        die("at most %d messages can be outstanding", RING - 1);
    snprintf(run.channel, sizeof run.channel, "%s%d", o->channel, (int)getpid());
    run.subscribers = allocate(o->clients, sizeof *run.subscribers);
    run.seen = allocate(o->clients, sizeof *run.seen);
    run.arrived = allocate(RING, sizeof *run.arrived);
    if (!setup(o))
        return 2;
    for (size_t i = 0; i < o->outstanding; i++)
        publish();
    run_for(o->warm);
    uint64_t before = run.delivered;
    run.latency = (histogram){0};
    window w = window_open(o);
    run_for(o->seconds);
    window_close(&w, o);
    uint64_t delivered = run.delivered - before;
    run.stopping = true;
    for (uint64_t end = after_seconds(o->drain); run.completed < run.sent && now_ns() < end;)
        loop_poll(after_seconds(0.05));
    return report(&w, delivered);
}
