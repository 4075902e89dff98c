#include "workload.h"

#include <stdio.h>

#include "json.h"

/* Longest time that setting up may take; a server that needs more is broken, not slow. */
static const double SETUP_SECONDS = 60;

static uint64_t resident_kb_before; /* of the server, when setup_all began */

static uint64_t connection_faults(void) { return faults.closed + faults.http + faults.refused; }

bool setup_all(const options *o, size_t count, void (*start)(size_t number), const size_t *done)
{
    size_t started = 0;
    resident_kb_before = server_read(o->pids).resident_kb;
    uint64_t faults_before = connection_faults();
    uint64_t deadline = after_seconds(SETUP_SECONDS);
    while (*done < count && now_ns() < deadline) {
        while (started < count && started - *done < o->parallel)
            start(started++);
        loop_poll(after_seconds(0.1));
        if (connection_faults() > faults_before)
            break; /* that client will never be ready, and a run that is not whole is no run */
    }
    if (*done < count)
        fprintf(stderr, "loadgen: only %zu of %zu set up (closed %llu, http %llu, refused %llu)\n", *done, count,
                (unsigned long long)faults.closed, (unsigned long long)faults.http,
                (unsigned long long)faults.refused);
    return *done == count;
}

int source_address(const options *o, size_t number)
{
    return o->source_addresses ? (int)(1 + number % o->source_addresses) : 0;
}

void chat_channel(const options *o, char *out, size_t out_size)
{
    snprintf(out, out_size, "/service/chatV2/%s", o->service);
}

chat_answer chat_answer_read(slice data)
{
    chat_answer answer = {0};
    slice key, value;
    if (!json_enter(&data, '{'))
        return answer;
    while (json_member(&data, &key, &value)) {
        if (slice_is(key, "statusCode"))
            answer.ok = slice_is(value, "0");
        else if (slice_is(key, "secureKey"))
            answer.secure_key = value;
        else if (slice_is(key, "chatId"))
            answer.chat_id = value;
        else if (slice_is(key, "userId"))
            answer.user_id = value;
        else if (slice_is(key, "nextPosition"))
            answer.next_position = slice_uint(value);
        else if (slice_is(key, "messages") && json_enter(&value, '['))
            answer.messages = value;
    }
    return answer;
}

bool chat_event_next(slice *rest, chat_event *event)
{
    slice object, key, value;
    if (!json_item(rest, &object) || !json_enter(&object, '{'))
        return false;
    *event = (chat_event){0};
    while (json_member(&object, &key, &value)) {
        if (slice_is(key, "index"))
            event->index = slice_uint(value);
        else if (slice_is(key, "text"))
            event->has_marker = marker_find(value, &event->marker);
    }
    return true;
}

window window_open(const options *o)
{
    return (window){.start_ns = now_ns(), .server = server_read(o->pids), .own_cpu = own_cpu_seconds()};
}

void window_close(window *w, const options *o)
{
    w->seconds = (double)(now_ns() - w->start_ns) / (double)NS_PER_S;
    w->own_cpu = own_cpu_seconds() - w->own_cpu;
    w->server_cpu = server_read(o->pids).cpu_seconds - w->server.cpu_seconds;
}

void report_window(const window *w, uint64_t units)
{
    report_number("seconds", w->seconds);
    report_number("server_cpu", w->server_cpu / w->seconds);
    report_number("gen_cpu", w->own_cpu / w->seconds);
    report_number("cpu_us", units ? w->server_cpu * 1e6 / (double)units : 0);
}

void report_memory(const window *w, size_t clients)
{
    report_number("kb_per_client", ((double)w->server.resident_kb - (double)resident_kb_before) / (double)clients);
}

uint64_t report_faults(void)
{
    report_count("closed", faults.closed);
    report_count("http_err", faults.http);
    report_count("proto_err", faults.protocol);
    report_count("refused", faults.refused);
    report_count("stale_repeats", connections.repeated);
    return faults.closed + faults.http + faults.protocol + faults.refused;
}
