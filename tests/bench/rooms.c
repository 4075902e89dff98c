/*
 * rooms.c - rooms of two members on plain broadcast channels, for servers that know no chats: both members
 * subscribe, both publish in an open loop (ramp.h), every message must reach both, once and in its publisher's order.
 */
#include <stdio.h>
#include <unistd.h>

#include "ramp.h"

enum { MEMBERS = 2 };

typedef struct room room;

typedef struct {
    client client;
    room *room;
    tracker from[MEMBERS]; /* sequence numbers seen, per publisher */
} member;

struct room {
    uint32_t number;
    char channel[160];
    uint32_t sent[MEMBERS];
    unsigned subscribed;
    member members[MEMBERS];
};

static struct {
    const options *o;
    room *rooms;
    size_t ready;
    open_loop loop;
    uint64_t duplicates, reordered, misrouted;
} run;

static void on_event(client *c, slice channel, slice data)
{
    member *m = c->owner;
    room *r = m->room;
    marker mark;
    if (!slice_is(channel, r->channel) || !marker_find(data, &mark) || mark.room != r->number) {
        run.misrouted++;
        return;
    }
    if (mark.publisher >= MEMBERS || mark.sequence >= r->sent[mark.publisher]) {
        faults.protocol++;
        return;
    }
    verdict v = tracker_add(&m->from[mark.publisher], mark.sequence);
    if (v == DUPLICATE) {
        run.duplicates++;
        return;
    }
    run.reordered += v == REORDERED;
    run.loop.delivered++;
    histogram_add(&run.loop.latency, now_ns() - mark.time_ns);
}

static void on_ready(client *c)
{
    member *m = c->owner;
    client_subscribe(c, m->room->channel);
}

static void on_reply(client *c, slice channel, bool successful)
{
    member *m = c->owner;
    if (successful && slice_is(channel, "/meta/subscribe") && ++m->room->subscribed == MEMBERS)
        run.ready++;
}

static const client_events EVENTS = {.ready = on_ready, .event = on_event, .reply = on_reply};

static void room_start(size_t number)
{
    room *r = &run.rooms[number];
    r->number = (uint32_t)number;
    /* The pid: a server may still feed the dead subscribers of an earlier run. */
    snprintf(r->channel, sizeof r->channel, "%s%d-%zu", run.o->channel, (int)getpid(), number);
    for (size_t side = 0; side < MEMBERS; side++) {
        member *m = &r->members[side];
        m->room = r;
        m->from[0] = m->from[1] = tracker_new();
        client_init(&m->client, &run.o->to, run.o->transport, &EVENTS);
        m->client.owner = m;
        m->client.command.source_address = source_address(run.o, number * MEMBERS + side);
        client_start(&m->client);
    }
}

static void publish(uint64_t number, uint64_t due_ns)
{
    const options *o = run.o;
    room *r = &run.rooms[number % o->rooms];
    uint32_t side = (uint32_t)(number / o->rooms % MEMBERS);
    char text[4096];
    marker_text((marker){r->number, side, r->sent[side]++, due_ns}, text, o->text_size);
    buf data = {0};
    buf_format(&data, "{\"text\":\"%s\"}", text);
    client_publish(&r->members[side].client, r->channel, (slice){data.p, data.len});
    buf_free(&data);
}

static int report(const stage *s)
{
    uint64_t bad = run.duplicates + run.reordered + run.misrouted;
    report_count("rooms", run.o->rooms);
    bad += open_loop_report(&run.loop, s);
    report_count("dup", run.duplicates);
    report_count("reordered", run.reordered);
    report_count("misrouted", run.misrouted);
    report_memory(&s->window, run.o->rooms * MEMBERS);
    bad += report_faults();
    report_print();
    return bad ? 1 : 0;
}

int workload_rooms(const options *o)
{
    run.o = o;
    run.loop = (open_loop){.o = o, .copies = MEMBERS, .publish = publish};
    run.rooms = allocate(o->rooms, sizeof *run.rooms);
    if (!setup_all(o, o->rooms, room_start, &run.ready))
        return 2;
    stage s = open_loop_measure(&run.loop);
    return report(&s);
}
