/*
 * chat.c - rooms of two members that are real chats; every message must reach both, once and in order.
 *
 * Member A requests the chat, member B attaches to it with A's secureKey (requestNotifications), both publish
 * sendMessage at a fixed open-loop rate.  Latency counts from the scheduled time, so a stalled server or
 * generator cannot hide.  Without a rate a ramp looks for the highest rate that holds the p99 limit.
 */
#include <stdio.h>

#include "workload.h"

enum { MEMBERS = 2 };
/* A backlog of this many seconds' deliveries fails a stage at once: it is far beyond any p99 limit. */
static const double BACKLOG_SECONDS = 1.5;
static const uint64_t BACKLOG_FLOOR = 2000; /* so that a short hiccup at a low rate is not a failure */
enum { BURST = 256 };                       /* publishes between two looks at the network */
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
    uint64_t sent, delivered;
    uint64_t duplicates, reordered, misrouted, chat_errors, disagreements;
    histogram latency;
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
        run.delivered += by_sequence != DUPLICATE;
        return;
    }
    run.reordered += by_sequence == REORDERED || by_index == REORDERED;
    run.delivered++;
    check_agreement(r, event->index, mark);
    histogram_add(&run.latency, now_ns() - mark->time_ns);
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

/* ------------------------------------------------------------------ one stage at a fixed rate */

typedef struct {
    double rate, sent_rate, p99_ms;
    uint64_t messages, missing;
    bool overrun;
    window window;
} stage;

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
    run.sent++;
}

static uint64_t outstanding(void) { return run.sent * MEMBERS - run.delivered; }

static void publish_on_schedule(stage *s, uint64_t total)
{
    uint64_t start = now_ns(), first = run.sent, before = outstanding();
    uint64_t backlog = before + BACKLOG_FLOOR + (uint64_t)(s->rate * MEMBERS * BACKLOG_SECONDS);
    while (s->messages < total && !s->overrun) {
        uint64_t due = start + (uint64_t)((double)s->messages * 1e9 / s->rate), now = now_ns();
        for (int burst = 0; due <= now && burst < BURST && s->messages < total; burst++) {
            publish(first + s->messages++, due);
            due = start + (uint64_t)((double)s->messages * 1e9 / s->rate);
        }
        s->overrun = outstanding() > backlog;
        loop_poll(due);
    }
    s->sent_rate = (double)s->messages * 1e9 / (double)(now_ns() - start + 1);
}

static stage run_stage(double rate, double seconds)
{
    stage s = {.rate = rate};
    run.latency = (histogram){0};
    uint64_t missing_before = outstanding();
    s.window = window_open(run.o);
    publish_on_schedule(&s, (uint64_t)(rate * seconds));
    uint64_t deadline = after_seconds(run.o->drain);
    while (outstanding() > missing_before && now_ns() < deadline)
        loop_poll(after_seconds(0.05));
    window_close(&s.window, run.o);
    s.missing = outstanding() > missing_before ? outstanding() - missing_before : 0;
    s.p99_ms = histogram_ms(&run.latency, 0.99);
    fprintf(stderr, "  %8.0f/s  p99 %8.1f ms  missing %llu%s\n", rate, s.p99_ms, (unsigned long long)s.missing,
            s.overrun ? "  backlog" : "");
    return s;
}

static bool holds(const stage *s)
{
    return !s->overrun && !s->missing && s->p99_ms <= run.o->p99_ms && s->sent_rate >= 0.97 * s->rate;
}

/* ------------------------------------------------------------------ ramp: rise, bisect, confirm */

enum { BISECTIONS = 3, MAX_RISES = 40, MAX_CONFIRMATIONS = 20 };

static double highest_rate(const options *o)
{
    double good = 0, bad = o->ramp_start;
    for (int i = 0; i < MAX_RISES; i++) {
        stage s = run_stage(bad, o->stage);
        if (!holds(&s))
            break;
        good = bad;
        bad *= o->ramp_factor;
    }
    for (int i = 0; i < BISECTIONS; i++) {
        stage s = run_stage((good + bad) / 2, o->stage);
        *(holds(&s) ? &good : &bad) = s.rate;
    }
    return good > 0 ? good : bad;
}

static stage confirmed_stage(const options *o)
{
    double rate = highest_rate(o);
    stage s = run_stage(rate, o->confirm);
    for (int i = 1; i < MAX_CONFIRMATIONS && !holds(&s); i++)
        s = run_stage(rate *= 0.93, o->confirm);
    return s;
}

static int report(const stage *s)
{
    uint64_t bad = outstanding() + run.duplicates + run.reordered + run.misrouted + run.chat_errors + run.disagreements;
    report_count("rooms", run.o->rooms);
    report_number("messages_per_s", s->sent_rate);
    report_number("deliveries_per_s", s->sent_rate * MEMBERS);
    report_text("held", holds(s) ? "yes" : "no");
    report_latency(&run.latency);
    report_count("messages", run.sent);
    report_count("lost", outstanding());
    report_count("dup", run.duplicates);
    report_count("reordered", run.reordered);
    report_count("misrouted", run.misrouted);
    report_count("chat_err", run.chat_errors);
    report_count("order_diff", run.disagreements);
    report_window(&s->window, s->messages * MEMBERS);
    report_number("cpu_us_per_message", s->window.server_cpu * 1e6 / (double)(s->messages ? s->messages : 1));
    bad += report_faults();
    report_print();
    return bad ? 1 : 0;
}

int workload_chat(const options *o)
{
    run.o = o;
    run.rooms = allocate(o->rooms, sizeof *run.rooms);
    chat_channel(o, run.channel, sizeof run.channel);
    if (!setup_all(o, o->rooms, room_start, &run.ready))
        return 2;
    if (o->warm > 0)
        run_stage(o->rate > 0 ? o->rate : o->ramp_start, o->warm);
    stage s = o->rate > 0 ? run_stage(o->rate, o->seconds) : confirmed_stage(o);
    return report(&s);
}
