#include "ramp.h"

#include <stdio.h>

/* A backlog of this many seconds' deliveries fails a stage at once: it is far beyond any p99 limit. */
static const double BACKLOG_SECONDS = 1.5;
static const uint64_t BACKLOG_FLOOR = 2000; /* so that a short hiccup at a low rate is not a failure */
enum { BURST = 256 };                       /* publishes between two looks at the network */

/* ------------------------------------------------------------------ one stage at a fixed rate */

static uint64_t outstanding(const open_loop *l) { return l->sent * l->copies - l->delivered; }

static void publish_on_schedule(open_loop *l, stage *s, uint64_t total)
{
    uint64_t start = now_ns(), first = l->sent, before = outstanding(l);
    uint64_t backlog = before + BACKLOG_FLOOR + (uint64_t)(s->rate * l->copies * BACKLOG_SECONDS);
    while (s->messages < total && !s->overrun) {
        uint64_t due = start + (uint64_t)((double)s->messages * 1e9 / s->rate), now = now_ns();
        for (int burst = 0; due <= now && burst < BURST && s->messages < total; burst++) {
            l->publish(first + s->messages++, due);
            l->sent++;
            due = start + (uint64_t)((double)s->messages * 1e9 / s->rate);
        }
        s->overrun = outstanding(l) > backlog;
        loop_poll(due);
    }
    s->sent_rate = (double)s->messages * 1e9 / (double)(now_ns() - start + 1);
}

static stage run_stage(open_loop *l, double rate, double seconds)
{
    stage s = {.rate = rate};
    l->latency = (histogram){0};
    uint64_t missing_before = outstanding(l);
    s.window = window_open(l->o);
    publish_on_schedule(l, &s, (uint64_t)(rate * seconds));
    uint64_t deadline = after_seconds(l->o->drain);
    while (outstanding(l) > missing_before && now_ns() < deadline)
        loop_poll(after_seconds(0.05));
    window_close(&s.window, l->o);
    s.missing = outstanding(l) > missing_before ? outstanding(l) - missing_before : 0;
    s.p99_ms = histogram_ms(&l->latency, 0.99);
    fprintf(stderr, "  %8.0f/s  p99 %8.1f ms  missing %llu%s\n", rate, s.p99_ms, (unsigned long long)s.missing,
            s.overrun ? "  backlog" : "");
    return s;
}

static bool holds(const open_loop *l, const stage *s)
{
    return !s->overrun && !s->missing && s->p99_ms <= l->o->p99_ms && s->sent_rate >= 0.97 * s->rate;
}

/* ------------------------------------------------------------------ ramp: rise, bisect, confirm */

enum { BISECTIONS = 4, MAX_RISES = 40, MAX_CONFIRMATIONS = 20 };

/*
 * A rate is too high when it fails twice.  A stage is short, so one pause of a quarter of a second anywhere on
 * a shared machine fails it at whatever rate, and the search would go on far below what the server holds.
 */
static stage second_chance(open_loop *l, double rate, double seconds)
{
    stage s = run_stage(l, rate, seconds);
    return holds(l, &s) ? s : run_stage(l, rate, seconds);
}

static double highest_rate(open_loop *l)
{
    const options *o = l->o;
    double good = 0, bad = o->ramp_start;
    for (int i = 0; i < MAX_RISES; i++) {
        stage s = second_chance(l, bad, o->stage);
        if (!holds(l, &s))
            break;
        good = bad;
        bad *= o->ramp_factor;
    }
    for (int i = 0; i < BISECTIONS; i++) {
        stage s = second_chance(l, (good + bad) / 2, o->stage);
        *(holds(l, &s) ? &good : &bad) = s.rate;
    }
    return good > 0 ? good : bad;
}

static stage confirmed_stage(open_loop *l)
{
    const options *o = l->o;
    double rate = highest_rate(l);
    stage s = second_chance(l, rate, o->confirm);
    for (int i = 1; i < MAX_CONFIRMATIONS && !holds(l, &s); i++)
        s = second_chance(l, rate *= 0.93, o->confirm);
    return s;
}

stage open_loop_measure(open_loop *l)
{
    const options *o = l->o;
    if (o->warm > 0)
        run_stage(l, o->rate > 0 ? o->rate : o->ramp_start, o->warm);
    return o->rate > 0 ? run_stage(l, o->rate, o->seconds) : confirmed_stage(l);
}

uint64_t open_loop_report(const open_loop *l, const stage *s)
{
    report_number("messages_per_s", s->sent_rate);
    report_number("deliveries_per_s", s->sent_rate * l->copies);
    report_text("held", holds(l, s) ? "yes" : "no");
    report_latency(&l->latency);
    report_count("messages", l->sent);
    report_count("lost", outstanding(l));
    report_window(&s->window, s->messages * l->copies);
    report_number("cpu_us_per_message", s->window.server_cpu * 1e6 / (double)(s->messages ? s->messages : 1));
    return outstanding(l);
}
