#define _GNU_SOURCE
#include "measure.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ------------------------------------------------------------------ histogram */

static size_t bucket_of(uint64_t us)
{
    if (us < 64)
        return us;
    int shift = 63 - __builtin_clzll(us) - 6; /* keeps the top seven bits */
    size_t index = ((size_t)(shift + 1) << 6) + ((us >> shift) & 63);
    return index < HISTOGRAM_BUCKETS ? index : HISTOGRAM_BUCKETS - 1;
}

static uint64_t bucket_end(size_t index)
{
    if (index < 64)
        return index + 1;
    int shift = (int)(index >> 6) - 1;
    return ((64 + (index & 63)) + 1) << shift;
}

void histogram_add(histogram *h, uint64_t ns)
{
    h->count++;
    if (ns > h->max)
        h->max = ns;
    h->bucket[bucket_of(ns / 1000)]++;
}

double histogram_ms(const histogram *h, double quantile)
{
    double max_ms = (double)h->max / 1e6;
    uint64_t wanted = (uint64_t)(quantile * (double)h->count), seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS && quantile < 1; i++) {
        seen += h->bucket[i];
        double end_ms = (double)bucket_end(i) / 1e3;
        if (seen > wanted)
            return end_ms < max_ms ? end_ms : max_ms;
    }
    return max_ms;
}

/* ------------------------------------------------------------------ exactly once, in order */

tracker tracker_new(void) { return (tracker){.highest = -1}; }

bool tracker_has(const tracker *t, uint32_t number)
{
    return number / 8 < t->bytes && t->seen[number / 8] >> (number % 8) & 1;
}

verdict tracker_add(tracker *t, uint32_t number)
{
    if (tracker_has(t, number))
        return DUPLICATE;
    if (number / 8 >= t->bytes) {
        size_t bytes = (number / 8 + 1) * 2;
        t->seen = realloc(t->seen, bytes);
        if (!t->seen)
            die("out of memory for a number %u", number);
        memset(t->seen + t->bytes, 0, bytes - t->bytes);
        t->bytes = bytes;
    }
    t->seen[number / 8] |= (uint8_t)(1 << number % 8);
    t->arrived++;
    if ((int64_t)number < t->highest)
        return REORDERED;
    t->highest = number;
    return IN_ORDER;
}

void tracker_free(tracker *t)
{
    free(t->seen);
    *t = tracker_new();
}

/* ------------------------------------------------------------------ marker: ~room8 publisher2 sequence8 time16~ */

void marker_text(marker m, char *out, size_t text_len)
{
    sprintf(out, "~%08x%02x%08x%016llx~", m.room, m.publisher & 0xff, m.sequence, (unsigned long long)m.time_ns);
    if (text_len > MARKER_LEN)
        memset(out + MARKER_LEN, 'x', text_len - MARKER_LEN);
    out[text_len > MARKER_LEN ? text_len : MARKER_LEN] = 0;
}

static uint64_t hex(const char *p, int digits)
{
    uint64_t value = 0;
    while (digits--) {
        int c = *p++;
        value = value << 4 | (uint64_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return value;
}

bool marker_find(slice text, marker *m)
{
    const char *p = text.len ? memchr(text.p, '~', text.len) : NULL;
    if (!p || text.len - (size_t)(p - text.p) < MARKER_LEN || p[MARKER_LEN - 1] != '~')
        return false;
    *m = (marker){(uint32_t)hex(p + 1, 8), (uint32_t)hex(p + 9, 2), (uint32_t)hex(p + 11, 8), hex(p + 19, 16)};
    return true;
}

/* ------------------------------------------------------------------ /proc */

enum { MAX_PROCESSES = 4096 };

typedef struct {
    int pid, parent;
    double cpu_seconds;
} process;

static bool read_process(int pid, process *out)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    size_t len = fread(line, 1, sizeof line - 1, f);
    fclose(f);
    line[len] = 0;
    unsigned long user, system;
    const char *after_name = strrchr(line, ')'); /* the name itself may contain anything */
    if (!after_name || sscanf(after_name + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &out->parent,
                              &user, &system) != 3)
        return false;
    out->pid = pid;
    out->cpu_seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    return true;
}

static uint64_t resident_kb(int pid)
{
    char path[64];
    unsigned long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    if (fscanf(f, "%*u %lu", &pages) != 1)
        pages = 0;
    fclose(f);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

static size_t list_processes(process *all, size_t limit)
{
    size_t count = 0;
    DIR *proc = opendir("/proc");
    if (!proc)
        return 0;
    for (struct dirent *entry; count < limit && (entry = readdir(proc));) {
        int pid = atoi(entry->d_name);
        if (pid > 0 && read_process(pid, &all[count]))
            count++;
    }
    closedir(proc);
    return count;
}

static void add_tree(int pid, const process *all, size_t count, server_usage *sum)
{
    for (size_t i = 0; i < count; i++) {
        if (all[i].pid == pid) {
            sum->cpu_seconds += all[i].cpu_seconds;
            sum->resident_kb += resident_kb(pid);
            sum->processes++;
        } else if (all[i].parent == pid) {
            add_tree(all[i].pid, all, count, sum);
        }
    }
}

server_usage server_read(const char *pids)
{
    static process all[MAX_PROCESSES];
    server_usage sum = {0};
    size_t count = list_processes(all, sizeof all / sizeof all[0]);
    for (const char *p = pids; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        add_tree(atoi(p), all, count, &sum);
    return sum;
}

double own_cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* ------------------------------------------------------------------ report */

static buf report;

static void report_name(const char *name) { buf_format(&report, "%s\"%s\":", report.len ? "," : "{", name); }

void report_text(const char *name, const char *value)
{
    report_name(name);
    buf_text(&report, "\"");
    for (; *value; value++)
        buf_format(&report, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
    buf_text(&report, "\"");
}

void report_count(const char *name, uint64_t value)
{
    report_name(name);
    buf_format(&report, "%llu", (unsigned long long)value);
}

void report_number(const char *name, double value)
{
    report_name(name);
    buf_format(&report, "%.3f", value);
}

void report_latency(const histogram *h)
{
    report_number("p50_ms", histogram_ms(h, 0.5));
    report_number("p99_ms", histogram_ms(h, 0.99));
    report_number("max_ms", histogram_ms(h, 1.0));
}

void report_print(void)
{
    printf("%.*s}\n", (int)report.len, report.p);
    fflush(stdout);
    buf_free(&report);
}
