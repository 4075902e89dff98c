/*
 * workload.h - what the workloads share: options, parallel set-up, the measured window.
 *
 * A workload is one function that sets up, measures, and reports; it returns the process' exit code
 * (0 clean, 1 when something was lost, doubled, reordered, misrouted or refused).
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "bayeux.h"
#include "measure.h"

typedef struct {
    endpoint to;
    transport transport;
    const char *service, *pids, *label, *channel, *path, *body, *content_type, *subscription;
    size_t clients, rooms, connections, outstanding, text_size, parallel, source_addresses;
    double rate, seconds, warm, settle, drain;
    double ramp_start, ramp_factor, stage, confirm, p99_ms;
    bool with_chat;
} options;

int workload_send(const options *o);
int workload_chat(const options *o);
int workload_rooms(const options *o);
int workload_idle(const options *o);
int workload_churn(const options *o);
int workload_fanout(const options *o);
int workload_http(const options *o);
int workload_cores(const options *o);

/* Starts count things, at most o->parallel unfinished at a time; false when they are not all done in time. */
bool setup_all(const options *o, size_t count, void (*start)(size_t number), const size_t *done);

/* The loopback source address of the number-th client, as conn.source_address wants it. */
int source_address(const options *o, size_t number);

void chat_channel(const options *o, char *out, size_t out_size); /* /service/chatV2/{service} */

/* What the client needs from a chat response object (chat API section 4). */
typedef struct {
    bool ok; /* statusCode 0 */
    slice secure_key, messages, chat_id, user_id;
    uint64_t next_position;
} chat_answer;

chat_answer chat_answer_read(slice data);

/* One transcript event; has_marker is false for everything that this generator has not written. */
typedef struct {
    uint64_t index;
    marker marker;
    bool has_marker;
} chat_event;

bool chat_event_next(slice *rest, chat_event *event); /* rest: the inside of a messages array */

/* Time and processor use between two moments. */
typedef struct {
    uint64_t start_ns;
    server_usage server;
    double own_cpu, seconds, server_cpu;
} window;

window window_open(const options *o);
void window_close(window *w, const options *o);
void report_window(const window *w, uint64_t units); /* seconds, server_cpu, gen_cpu, cpu_us (per unit) */
void report_memory(const window *w, size_t clients);    /* kb_per_client: growth from setup_all to the window */
uint64_t report_faults(void);                        /* reports them and returns their sum */

#endif
