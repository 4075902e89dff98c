/*
 * conn.h - one TCP connection that speaks HTTP/1.1 (keep-alive, one request at a time) or websocket (RFC 6455).
 *
 * Invariants: callbacks run from loop_poll or from the call that failed at once; a message slice is valid only
 * during its callback; a callback may start the next request on the same connection.
 * A kept-alive HTTP connection that the server closed before the first byte of an answer is opened once more
 * and the request repeated, as browsers do; such repeats are counted, because a server that had acted on the
 * first copy would show up as a duplicate.
 */
#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include "base.h"

typedef struct {
    char host[64]; /* numeric IPv4 address */
    int port;
    char prefix[128]; /* mount prefix, "/genesys" */
} endpoint;

typedef struct {
    char text[256]; /* "BAYEUX_BROWSER=..." as it goes into a Cookie header, or empty */
} cookie_jar;

typedef struct conn conn;

typedef struct {
    void (*opened)(conn *c);                             /* websocket only: the upgrade succeeded */
    void (*message)(conn *c, int http_status, slice body); /* an HTTP answer, or a text message (status 0) */
    void (*closed)(conn *c, const char *why);              /* lost while it was needed */
} conn_events;

typedef enum { CONN_CLOSED, CONN_UPGRADING, CONN_OPEN } conn_state;

struct conn {
    source source; /* first member: the loop hands it back */
    conn_state state;
    bool websocket;
    bool busy;          /* HTTP: a request is under way */
    bool reused;        /* this socket has answered before */
    bool watching_write;
    unsigned epoch;     /* changes with every socket, so that parsers notice a reopened connection */
    int source_address; /* n of 127.0.0.n; 0 leaves the choice to the kernel */
    uint32_t mask;      /* websocket: state of the frame mask generator */
    const endpoint *to;
    cookie_jar *jar;
    const conn_events *on;
    void *owner;
    buf in, out, request, fragments;
};

typedef struct {
    uint64_t opened, repeated; /* sockets opened; requests repeated after a stale keep-alive */
} conn_totals;

extern conn_totals connections;

endpoint endpoint_parse(const char *url);
void conn_init(conn *c, const endpoint *to, cookie_jar *jar, const conn_events *on, void *owner);
void conn_open_websocket(conn *c, const char *path);
void conn_request(conn *c, const char *path, const char *content_type, slice body); /* GET when body.p is NULL */
void conn_send_text(conn *c, slice text);
void conn_close(conn *c); /* on purpose: closed() is not called */

#endif
