/*
 * http_head.h - parses HTTP/1.1 answers; pure, no I/O.  conn.c feeds it what has arrived so far.
 */
#ifndef BENCH_HTTP_HEAD_H
#define BENCH_HTTP_HEAD_H

#include "base.h"

typedef struct {
    int status;      /* 0: this is not HTTP */
    size_t head_len; /* up to and including the empty line */
    size_t body_len; /* when not chunked */
    bool chunked, close;
    slice cookie; /* value of the last Set-Cookie header */
} http_head;

bool http_head_parse(slice in, http_head *head); /* false until the whole head has arrived */

/* Joins the chunks of a complete body into out; returns the encoded length, or 0 when it is not complete. */
size_t http_join_chunks(slice encoded, buf *out);

#endif
