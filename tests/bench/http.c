/*
 * http.c - raw closed-loop HTTP requests: what the server's request handling alone can do.
 */
#include "workload.h"

static struct {
    const options *o;
    conn *conns;
    uint64_t *started_ns;
    uint64_t answered;
    size_t running;
    bool stopping;
    histogram latency;
} run;

static void request(conn *c)
{
    const char *body = run.o->body;
    run.started_ns[c - run.conns] = now_ns();
    conn_request(c, run.o->path, run.o->content_type, body ? text_slice(body) : (slice){NULL, 0});
}

static void on_message(conn *c, int http_status, slice body)
{
    (void)body;
    faults.http += http_status < 200 || http_status > 299;
    histogram_add(&run.latency, now_ns() - run.started_ns[c - run.conns]);
    run.answered++;
    if (run.stopping)
        run.running--;
    else
        request(c);
}

static void on_closed(conn *c, const char *why)
{
    (void)c;
    (void)why;
    faults.closed++;
    run.running--;
}

static const conn_events EVENTS = {NULL, on_message, on_closed};

static void run_for(double seconds)
{
    for (uint64_t end = after_seconds(seconds); now_ns() < end && run.running;)
        loop_poll(end);
}

int workload_http(const options *o)
{
    run.o = o;
    run.conns = allocate(o->connections, sizeof *run.conns);
    run.started_ns = allocate(o->connections, sizeof *run.started_ns);
    run.running = o->connections;
    for (size_t i = 0; i < o->connections; i++) {
        conn_init(&run.conns[i], &o->to, NULL, &EVENTS, NULL);
        run.conns[i].source_address = source_address(o, i);
        request(&run.conns[i]);
    }
    run_for(o->warm);
    uint64_t before = run.answered;
    run.latency = (histogram){0};
    window w = window_open(o);
    run_for(o->seconds);
    window_close(&w, o);
    uint64_t answered = run.answered - before;
    run.stopping = true;
    run_for(o->drain);
    report_count("connections", o->connections);
    report_number("requests_per_s", (double)answered / w.seconds);
    report_latency(&run.latency);
    report_count("unfinished", run.running);
    report_window(&w, answered);
    uint64_t bad = report_faults() + run.running;
    report_print();
    return bad ? 1 : 0;
}
