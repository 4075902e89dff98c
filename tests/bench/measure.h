/*
 * measure.h - figures of merit: latency histogram, exactly-once-in-order checks, server processes, report.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "base.h"

/* Latencies in ns, in buckets of at most 1.6 % width (64 per power of two) from 1 us up. */
enum { HISTOGRAM_BUCKETS = 64 * 40 };

typedef struct {
    uint64_t count, max;
    uint32_t bucket[HISTOGRAM_BUCKETS];
} histogram;

void histogram_add(histogram *h, uint64_t ns);
double histogram_ms(const histogram *h, double quantile); /* 0.99 -> p99 in ms; 1.0 is the exact maximum */

/*
 * Which numbers of one ordered stream have arrived, exactly: a number seen twice is a duplicate, one that arrives
 * for the first time below the highest seen is reordered.  What never arrives is found by counting at the end.
 */
typedef struct {
    uint8_t *seen;
    size_t bytes;
    uint64_t arrived; /* different numbers */
    int64_t highest;  /* start with -1: tracker_new() */
} tracker;

typedef enum { IN_ORDER, DUPLICATE, REORDERED } verdict;

tracker tracker_new(void);
verdict tracker_add(tracker *t, uint32_t number);
bool tracker_has(const tracker *t, uint32_t number);
void tracker_free(tracker *t);

/*
 * Every message carries a marker of fixed width: room, publisher, sequence number and scheduled time.  Its
 * characters need no escaping in JSON and none in a form.
 */
typedef struct {
    uint32_t room, publisher, sequence;
    uint64_t time_ns;
} marker;

enum { MARKER_LEN = 36 };

void marker_text(marker m, char *out, size_t text_len); /* pads with 'x' to text_len, adds a NUL */
bool marker_find(slice text, marker *m);

/* The server's processes: the given pids and all their descendants, looked up at each reading. */
typedef struct {
    double cpu_seconds;
    uint64_t resident_kb;
    int processes;
} server_usage;

server_usage server_read(const char *pids); /* comma separated; all zero when empty */
double own_cpu_seconds(void);

/* One flat JSON object on stdout, at the end of the run. */
void report_text(const char *name, const char *value);
void report_count(const char *name, uint64_t value);
void report_number(const char *name, double value);
void report_latency(const histogram *h); /* p50_ms, p99_ms, max_ms */
void report_print(void);

#endif
