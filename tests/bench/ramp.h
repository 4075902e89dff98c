/*
 * ramp.h - an open loop: messages go out on a schedule, whatever comes back, so a stalled server or generator
 * cannot hide; and the search for the highest rate at which 99 % arrive within the limit.
 *
 * The workload owns the loop, publishes what it is told to, and counts what arrives in `delivered` and `latency`.
 */
#ifndef BENCH_RAMP_H
#define BENCH_RAMP_H

#include "workload.h"

typedef struct {
    const options *o;
    unsigned copies; /* deliveries of one message */
    void (*publish)(uint64_t number, uint64_t due_ns);
    uint64_t sent, delivered;
    histogram latency; /* of the current stage, from the scheduled time */
} open_loop;

typedef struct {
    double rate, sent_rate, p99_ms;
    uint64_t messages, missing;
    bool overrun; /* given up because of a backlog */
    window window;
} stage;

stage open_loop_measure(open_loop *loop); /* warm-up, then the given rate, or the ramp and its confirmed stage */
uint64_t open_loop_report(const open_loop *loop, const stage *s); /* returns what was lost */

#endif
