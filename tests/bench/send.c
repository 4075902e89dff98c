/*
 * send.c - durable REST sends: keep-alive connections, each with its own chat, each sending in a closed loop.
 *
 * Every answer must be HTTP 200 with statusCode 0.  Afterwards each chat is read back from position 1: every
 * acknowledged message must be in the transcript exactly once and in the order of sending.
 */
#include <stdio.h>

#include "workload.h"

static const char FORM[] = "application/x-www-form-urlencoded";

typedef enum { STARTING, READY, SENDING, READING, DONE } phase;

typedef struct {
    conn conn;
    phase phase;
    uint32_t number;
    char chat_id[128], user_id[128], secure_key[160];
    uint32_t sent;
    uint64_t started_ns;
    uint64_t position;          /* of the next transcript page */
    tracker acknowledged, seen; /* sequence numbers */
} sender;

static struct {
    const options *o;
    sender *senders;
    size_t started, finished; /* chats started; senders that will do nothing more in this phase */
    bool stopping;
    uint64_t answered, answer_errors, duplicates, reordered, misrouted, lost;
    histogram latency;
} run;

/* ------------------------------------------------------------------ requests */

static void post(sender *s, const char *operation, const buf *extra)
{
    char path[512];
    buf body = {0};
    snprintf(path, sizeof path, "/2/chat/%s/%s/%s", run.o->service, s->chat_id, operation);
    buf_format(&body, "userId=%s&secureKey=%s&alias=0", s->user_id, s->secure_key);
    buf_add(&body, extra->p, extra->len);
    conn_request(&s->conn, path, FORM, (slice){body.p, body.len});
    buf_free(&body);
}

static void send_next(sender *s)
{
    char text[4096];
    buf extra = {0};
    s->started_ns = now_ns();
    marker_text((marker){s->number, 0, s->sent++, s->started_ns}, text, run.o->text_size);
    buf_format(&extra, "&messageType=text&message=%s", text);
    post(s, "send", &extra);
    buf_free(&extra);
}

static void read_page(sender *s)
{
    buf extra = {0};
    buf_format(&extra, "&transcriptPosition=%llu", (unsigned long long)s->position);
    post(s, "refresh", &extra);
    buf_free(&extra);
}

/* ------------------------------------------------------------------ answers */

static void on_started(sender *s, const chat_answer *answer)
{
    if (!slice_copy(answer->chat_id, s->chat_id, sizeof s->chat_id) || !s->chat_id[0] ||
        !slice_copy(answer->user_id, s->user_id, sizeof s->user_id) ||
        !slice_copy(answer->secure_key, s->secure_key, sizeof s->secure_key) || !s->secure_key[0]) {
        run.answer_errors++;
        return;
    }
    s->phase = READY;
    run.started++;
}

static void on_sent(sender *s, const chat_answer *answer)
{
    if (answer->ok) {
        tracker_add(&s->acknowledged, s->sent - 1);
        histogram_add(&run.latency, now_ns() - s->started_ns);
        run.answered++;
    }
    if (run.stopping)
        run.finished++;
    else
        send_next(s);
}

static void check_event(sender *s, const chat_event *event)
{
    if (!event->has_marker)
        return;
    if (event->marker.room != s->number || event->marker.sequence >= s->sent) {
        run.misrouted++;
        return;
    }
    verdict v = tracker_add(&s->seen, event->marker.sequence);
    run.duplicates += v == DUPLICATE;
    run.reordered += v == REORDERED;
}

static void on_page(sender *s, chat_answer *answer)
{
    chat_event event;
    uint64_t next = s->position;
    while (chat_event_next(&answer->messages, &event)) {
        if (event.index < next) {
            run.reordered++; /* a transcript ascends strictly */
        } else {
            next = event.index + 1;
        }
        check_event(s, &event);
    }
    if (next > s->position) { /* an answer may be capped: read on until nothing comes */
        s->position = next;
        read_page(s);
        return;
    }
    for (uint32_t i = 0; i < s->sent; i++)
        run.lost += tracker_has(&s->acknowledged, i) && !tracker_has(&s->seen, i);
    s->phase = DONE;
    run.finished++;
}

static void on_message(conn *c, int http_status, slice body)
{
    sender *s = c->owner;
    chat_answer answer = chat_answer_read(body);
    if (http_status != 200)
        faults.http++;
    else if (!answer.ok)
        run.answer_errors++;
    if (s->phase == STARTING)
        on_started(s, &answer);
    else if (s->phase == SENDING)
        on_sent(s, &answer);
    else if (s->phase == READING)
        on_page(s, &answer);
}

/* This sender stays out: its messages are checked only if it comes to the reading phase. */
static void on_closed(conn *c, const char *why)
{
    (void)c;
    (void)why;
    faults.closed++;
    run.finished++;
}

static const conn_events EVENTS = {NULL, on_message, on_closed};

/* ------------------------------------------------------------------ phases */

static void sender_start(size_t number)
{
    sender *s = &run.senders[number];
    char path[256];
    s->number = (uint32_t)number;
    s->acknowledged = s->seen = tracker_new();
    s->position = 1;
    conn_init(&s->conn, &run.o->to, NULL, &EVENTS, s);
    s->conn.source_address = source_address(run.o, number);
    snprintf(path, sizeof path, "/2/chat/%s", run.o->service);
    conn_request(&s->conn, path, FORM, text_slice("nickname=bench&subject=bench"));
}

static void begin_phase(phase next, void (*begin)(sender *))
{
    run.finished = 0;
    for (size_t i = 0; i < run.o->connections; i++) {
        run.senders[i].phase = next;
        begin(&run.senders[i]);
    }
}

static void wait_until_finished(double seconds)
{
    for (uint64_t end = after_seconds(seconds); now_ns() < end && run.finished < run.o->connections;)
        loop_poll(after_seconds(0.05));
}

static int report(const window *w, uint64_t answered)
{
    report_count("connections", run.o->connections);
    report_number("requests_per_s", (double)answered / w->seconds);
    report_latency(&run.latency);
    report_count("messages", run.answered);
    report_count("lost", run.lost);
    report_count("dup", run.duplicates);
    report_count("reordered", run.reordered);
    report_count("misrouted", run.misrouted);
    report_count("answer_err", run.answer_errors);
    report_count("unfinished", run.o->connections - run.finished);
    report_window(w, answered);
    uint64_t bad = run.lost + run.duplicates + run.reordered + run.misrouted + run.answer_errors;
    bad += report_faults() + run.o->connections - run.finished;
    report_print();
    return bad ? 1 : 0;
}

int workload_send(const options *o)
{
    run.o = o;
    run.senders = allocate(o->connections, sizeof *run.senders);
    if (!setup_all(o, o->connections, sender_start, &run.started))
        return 2;
    begin_phase(SENDING, send_next);
    uint64_t end = after_seconds(o->warm);
    while (now_ns() < end)
        loop_poll(end);
    uint64_t before = run.answered;
    run.latency = (histogram){0};
    window w = window_open(o);
    for (end = after_seconds(o->seconds); now_ns() < end && run.finished < o->connections;)
        loop_poll(end);
    window_close(&w, o);
    uint64_t answered = run.answered - before;
    run.stopping = true;
    wait_until_finished(o->drain);
    begin_phase(READING, read_page);
    wait_until_finished(o->drain);
    return report(&w, answered);
}
