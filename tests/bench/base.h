/*
 * base.h - what every part of the load generator shares: byte slices, growing buffers, the monotonic
 * clock and the single-threaded epoll loop.
 *
 * Ownership: a slice never owns its bytes; it points into a buffer and is valid until that buffer is
 * appended to or dropped.  A failing allocation or system call of the generator itself ends the program
 * (die): a load generator that limps on measures nothing.
 */
#ifndef BENCH_BASE_H
#define BENCH_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000ull

typedef struct {
    const char *p;
    size_t len;
} slice;

typedef struct {
    char *p;
    size_t len, cap;
} buf;

void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void *allocate(size_t count, size_t size); /* zeroed, never NULL */

slice text_slice(const char *text);
bool slice_is(slice s, const char *text);
uint64_t slice_uint(slice s);                          /* leading decimal digits; 0 without any */
bool slice_copy(slice s, char *out, size_t out_size); /* false (and "") when it does not fit */

char *buf_room(buf *b, size_t extra); /* space for extra bytes at the end, not yet counted */
void buf_add(buf *b, const void *bytes, size_t len);
void buf_text(buf *b, const char *text);
void buf_format(buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_drop_front(buf *b, size_t len);
void buf_free(buf *b);

uint64_t now_ns(void);
uint64_t after_seconds(double seconds); /* the time that many seconds from now */

/* Something the loop watches; embedded as the first member of its owner. */
typedef struct source source;
struct source {
    int fd;
    void (*ready)(source *self, unsigned events);
};

void loop_start(void);
void loop_watch(source *s, unsigned events);
void loop_change(source *s, unsigned events);
void loop_poll(uint64_t wake_ns); /* waits for events, no longer than until wake_ns, and handles them once */

#endif
