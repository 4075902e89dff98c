/*
 * chat.c - rooms of two members that are real chats; every message must reach both, once and in order.
 *
 * Member A requests the chat, member B attaches to it with A's secureKey (requestNotifications), both publish
 * sendMessage in an open loop (ramp.h).
 */
#include <stdio.h>

#include "ramp.h"

enum { MEMBERS = 2 };
enum { MAX_INDEX = 1 << 24 };               /* no room lives that long here; protects the tracker */

typedef struct room room;

typedef struct {
    client client;
    room *room;
    uint32_t side;
    bool attached;
    tracker index;          /* transcript indexes seen */
    tracker from[MEMBERS]; /* sequence numbers seen, per publisher */
} member;

struct room {
    uint32_t number;
    char secure_key[160];
    uint32_t sent[MEMBERS];
    buf at_index; /* uint32_t per transcript index: the message that one member saw there, 0 = none */
    member members[MEMBERS];
};

static struct {
    const options *o;
    char channel[160];
    room *rooms;
    size_t ready;
    open_loop loop;
    uint64_t duplicates, reordered, misrouted, chat_errors, disagreements;
} run;

/* ------------------------------------------------------------------ receiving */

/* Both members must see the same message under the same index. */
static void check_agreement(room *r, uint64_t index, const marker *m)
{
    uint32_t id = (m->sequence << 1 | m->publisher) + 1;
    size_t end = (index + 1) * sizeof id;
    if (r->at_index.len < end) {
        char *from = buf_room(&r->at_index, end - r->at_index.len);
        for (; r->at_index.len < end; r->at_index.len++)
            *from++ = 0;
    }
    uint32_t *slot = (uint32_t *)(void *)r->at_index.p + index;
    if (*slot && *slot != id)
        run.disagreements++;
    *slot = id;
}

static void on_chat_message(member *m, const chat_event *event)
{
    room *r = m->room;
    const marker *mark = &event->marker;
    if (mark->room != r->number) {
        run.misrouted++;
        return;
    }
    if (mark->publisher >= MEMBERS || mark->sequence >= r->sent[mark->publisher] || event->index >= MAX_INDEX) {
        faults.protocol++;
        return;
    }
    verdict by_sequence = tracker_add(&m->from[mark->publisher], mark->sequence);
    verdict by_index = tracker_add(&m->index, (uint32_t)event->index);
    if (by_sequence == DUPLICATE || by_index == DUPLICATE) {
        run.duplicates++;
        run.loop.delivered += by_sequence != DUPLICATE;
        return;
    }
    run.reordered += by_sequence == REORDERED || by_index == REORDERED;
    run.loop.delivered++;
    check_agreement(r, event->index, mark);
    histogram_add(&run.loop.latency, now_ns() - mark->time_ns);
}

static void on_attached(member *m, const chat_answer *answer)
{
    room *r = m->room;
    m->attached = true;
    if (m->side == 1) {
        run.ready++;
    } else if (slice_copy(answer->secure_key, r->secure_key, sizeof r->secure_key) && r->secure_key[0]) {
        client_start(&r->members[1].client);
    } else {
        run.chat_errors++;
    }
}

static void on_event(client *c, slice channel, slice data)
{
    member *m = c->owner;
    chat_answer answer = chat_answer_read(data);
    chat_event event;
    if (!slice_is(channel, run.channel))
        run.misrouted++;
    else if (!answer.ok)
        run.chat_errors++;
    else if (!m->attached)
        on_attached(m, &answer);
    while (chat_event_next(&answer.messages, &event))
        if (event.has_marker)
            on_chat_message(m, &event);
}

/* ------------------------------------------------------------------ setting up */

static void on_ready(client *c)
{
    member *m = c->owner;
    buf data = {0};
    if (m->side == 0)
        buf_format(&data, "{\"operation\":\"requestChat\",\"nickname\":\"bench %u\",\"subject\":\"bench\"}",
                   m->room->number);
    else
        buf_format(&data, "{\"operation\":\"requestNotifications\",\"secureKey\":\"%s\",\"transcriptPosition\":1}",
                   m->room->secure_key);
    client_publish(c, run.channel, (slice){data.p, data.len});
    buf_free(&data);
}

static const client_events EVENTS = {.ready = on_ready, .event = on_event};

static void room_start(size_t number)
{
    room *r = &run.rooms[number];
    r->number = (uint32_t)number;
    for (uint32_t side = 0; side < MEMBERS; side++) {
        member *m = &r->members[side];
        m->room = r;
        m->side = side;
        m->index = m->from[0] = m->from[1] = tracker_new();
        client_init(&m->client, &run.o->to, run.o->transport, &EVENTS);
        m->client.owner = m;
        m->client.command.source_address = source_address(run.o, number * MEMBERS + side);
    }
    client_start(&r->members[0].client);
}

/* ------------------------------------------------------------------ publishing and the answer */

static void publish(uint64_t number, uint64_t due_ns)
{
    const options *o = run.o;
    room *r = &run.rooms[number % o->rooms];
    uint32_t side = (uint32_t)(number / o->rooms % MEMBERS);
    char text[4096];
    marker_text((marker){r->number, side, r->sent[side]++, due_ns}, text, o->text_size);
    buf data = {0};
    buf_format(&data, "{\"operation\":\"sendMessage\",\"secureKey\":\"%s\",\"message\":\"%s\"}", r->secure_key, text);
    client_publish(&r->members[side].client, run.channel, (slice){data.p, data.len});
    buf_free(&data);
}

static int report(const stage *s)
{
    uint64_t bad = run.duplicates + run.reordered + run.misrouted + run.chat_errors + run.disagreements;
    report_count("rooms", run.o->rooms);
    bad += open_loop_report(&run.loop, s);
    report_count("dup", run.duplicates);
    report_count("reordered", run.reordered);
    report_count("misrouted", run.misrouted);
    report_count("chat_err", run.chat_errors);
    report_count("order_diff", run.disagreements);
    report_memory(&s->window, run.o->rooms * MEMBERS);
    bad += report_faults();
    report_print();
    return bad ? 1 : 0;
}

int workload_chat(const options *o)
{
    run.o = o;
    run.loop = (open_loop){.o = o, .copies = MEMBERS, .publish = publish};
    run.rooms = allocate(o->rooms, sizeof *run.rooms);
    chat_channel(o, run.channel, sizeof run.channel);
    if (!setup_all(o, o->rooms, room_start, &run.ready))
        return 2;
    stage s = open_loop_measure(&run.loop);
    return report(&s);
}
