#define _GNU_SOURCE
#include "base.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

enum { EVENTS_PER_POLL = 512 };

static int epoll_fd = -1;

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("loadgen: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        die("out of memory (%zu x %zu bytes)", count, size);
    return memory;
}

slice text_slice(const char *text) { return (slice){text, strlen(text)}; }

bool slice_is(slice s, const char *text)
{
    size_t len = strlen(text);
    return s.len == len && memcmp(s.p, text, len) == 0;
}

uint64_t slice_uint(slice s)
{
    uint64_t value = 0;
    for (size_t i = 0; i < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        value = value * 10 + (uint64_t)(s.p[i] - '0');
    return value;
}

bool slice_copy(slice s, char *out, size_t out_size)
{
    bool fits = s.len < out_size;
    size_t len = fits ? s.len : 0;
    if (len)
        memcpy(out, s.p, len);
    out[len] = 0;
    return fits;
}

char *buf_room(buf *b, size_t extra)
{
    if (b->len + extra > b->cap) {
        size_t cap = b->cap ? b->cap : 256;
        while (cap < b->len + extra)
            cap *= 2;
        b->p = realloc(b->p, cap);
        if (!b->p)
            die("out of memory (%zu bytes)", cap);
        b->cap = cap;
    }
    return b->p + b->len;
}

void buf_add(buf *b, const void *bytes, size_t len)
{
    if (!len)
        return;
    memcpy(buf_room(b, len), bytes, len);
    b->len += len;
}

void buf_text(buf *b, const char *text) { buf_add(b, text, strlen(text)); }

void buf_format(buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    vsnprintf(buf_room(b, (size_t)len + 1), (size_t)len + 1, format, again);
    b->len += (size_t)len;
    va_end(again);
    va_end(args);
}

void buf_drop_front(buf *b, size_t len)
{
    b->len -= len;
    if (len && b->len)
        memmove(b->p, b->p + len, b->len);
}

void buf_free(buf *b)
{
    free(b->p);
    *b = (buf){0};
}

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t after_seconds(double seconds) { return now_ns() + (uint64_t)(seconds * (double)NS_PER_S); }

void loop_start(void)
{
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        die("epoll_create1: %s", strerror(errno));
}

static void loop_control(source *s, int operation, unsigned events)
{
    struct epoll_event event = {.events = events, .data.ptr = s};
    if (epoll_ctl(epoll_fd, operation, s->fd, &event) < 0)
        die("epoll_ctl: %s", strerror(errno));
}

void loop_watch(source *s, unsigned events) { loop_control(s, EPOLL_CTL_ADD, events); }

void loop_change(source *s, unsigned events) { loop_control(s, EPOLL_CTL_MOD, events); }

/*
 * A handler may close or reopen other sources of the same batch, so an event can be stale.  That is harmless:
 * owners are never freed during a run, and a read that has nothing to read just returns EAGAIN.
 */
void loop_poll(uint64_t wake_ns)
{
    struct epoll_event events[EVENTS_PER_POLL];
    uint64_t now = now_ns();
    uint64_t wait = wake_ns > now ? wake_ns - now : 0;
    struct timespec timeout = {(time_t)(wait / NS_PER_S), (long)(wait % NS_PER_S)};
    int count = epoll_pwait2(epoll_fd, events, EVENTS_PER_POLL, &timeout, NULL);
    if (count < 0 && errno != EINTR)
        die("epoll_pwait2: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        source *s = events[i].data.ptr;
        s->ready(s, events[i].events);
    }
}
