#define _GNU_SOURCE
#include "conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_head.h"
#include "ws_frame.h"

enum { READ_SIZE = 64 * 1024 };

conn_totals connections;

static void conn_ready(source *s, unsigned events);
static void conn_fail(conn *c, const char *why);

/* ------------------------------------------------------------------ sockets */

endpoint endpoint_parse(const char *url)
{
    endpoint to = {.port = 80};
    const char *host = strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
    if (!host)
        die("URL must start with http://: %s", url);
    size_t host_len = strcspn(host, ":/");
    if (!slice_copy((slice){host, host_len}, to.host, sizeof to.host))
        die("host too long: %s", url);
    if (strcmp(to.host, "localhost") == 0)
        snprintf(to.host, sizeof to.host, "127.0.0.1");
    const char *rest = host + host_len;
    if (*rest == ':')
        to.port = atoi(rest + 1);
    const char *path = strchr(rest, '/');
    if (path && !slice_copy(text_slice(path), to.prefix, sizeof to.prefix))
        die("path too long: %s", url);
    size_t end = strlen(to.prefix);
    while (end && to.prefix[end - 1] == '/')
        to.prefix[--end] = 0;
    return to;
}

void conn_init(conn *c, const endpoint *to, cookie_jar *jar, const conn_events *on, void *owner)
{
    memset(c, 0, sizeof *c);
    c->source = (source){-1, conn_ready};
    c->to = to;
    c->jar = jar;
    c->on = on;
    c->owner = owner;
}

static void bind_source(conn *c)
{
    if (!c->source_address)
        return;
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + (uint32_t)c->source_address);
    int on = 1;
    setsockopt(c->source.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(c->source.fd, (struct sockaddr *)&from, sizeof from) < 0)
        die("bind 127.0.0.%d: %s", c->source_address, strerror(errno));
}

static bool socket_open(conn *c)
{
    conn_close(c);
    c->source.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->source.fd < 0)
        die("socket: %s", strerror(errno));
    bind_source(c);
    int on = 1;
    setsockopt(c->source.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)c->to->port)};
    if (inet_pton(AF_INET, c->to->host, &to.sin_addr) != 1)
        die("not an IPv4 address: %s", c->to->host);
    if (connect(c->source.fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
        close(c->source.fd);
        c->source.fd = -1;
        return false;
    }
    c->in.len = c->out.len = c->fragments.len = 0;
    c->reused = false;
    c->watching_write = true; /* the connect itself reports by writability */
    loop_watch(&c->source, EPOLLIN | EPOLLOUT);
    connections.opened++;
    return true;
}

void conn_close(conn *c)
{
    if (c->source.fd >= 0) {
        close(c->source.fd);
        c->source.fd = -1;
    }
    c->state = CONN_CLOSED;
    c->busy = false;
    c->epoch++;
}

static void watch_write(conn *c, bool wanted)
{
    if (c->watching_write == wanted)
        return;
    c->watching_write = wanted;
    loop_change(&c->source, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void flush(conn *c)
{
    while (c->out.len) {
        ssize_t sent = send(c->source.fd, c->out.p, c->out.len, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            watch_write(c, true);
            return;
        }
        if (sent < 0) {
            conn_fail(c, strerror(errno));
            return;
        }
        buf_drop_front(&c->out, (size_t)sent);
    }
    watch_write(c, false);
}

/* ------------------------------------------------------------------ requests */

static void common_headers(conn *c, buf *b)
{
    buf_format(b, "Host: %s:%d\r\n", c->to->host, c->to->port);
    if (c->jar && c->jar->text[0])
        buf_format(b, "Cookie: %s\r\n", c->jar->text);
}

static void transmit_request(conn *c)
{
    if (c->state == CONN_CLOSED) {
        if (!socket_open(c)) {
            c->on->closed(c, "connection refused");
            return;
        }
        c->state = CONN_OPEN;
    }
    c->busy = true;
    buf_add(&c->out, c->request.p, c->request.len);
    flush(c);
}

void conn_request(conn *c, const char *path, const char *content_type, slice body)
{
    if (c->busy)
        die("request on a busy connection");
    c->request.len = 0;
    buf_format(&c->request, "%s %s%s HTTP/1.1\r\n", body.p ? "POST" : "GET", c->to->prefix, path);
    common_headers(c, &c->request);
    if (body.p)
        buf_format(&c->request, "Content-Type: %s\r\nContent-Length: %zu\r\n", content_type, body.len);
    buf_text(&c->request, "\r\n");
    buf_add(&c->request, body.p, body.len);
    transmit_request(c);
}

void conn_open_websocket(conn *c, const char *path)
{
    c->websocket = true;
    if (!socket_open(c)) {
        c->on->closed(c, "connection refused");
        return;
    }
    c->state = CONN_UPGRADING;
    c->mask = (uint32_t)now_ns() | 1;
    buf_format(&c->out, "GET %s%s HTTP/1.1\r\n", c->to->prefix, path);
    common_headers(c, &c->out);
    buf_text(&c->out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: bG9hZC1nZW5lcmF0b3ItMQ==\r\n\r\n");
    flush(c);
}

/* A request on a kept-alive socket met the server's close: open again and repeat it, once. */
static bool repeat_stale(conn *c)
{
    if (c->websocket || !c->busy || !c->reused || c->in.len)
        return false;
    connections.repeated++;
    conn_close(c);
    transmit_request(c);
    return true;
}

static void conn_fail(conn *c, const char *why)
{
    if (c->state == CONN_CLOSED || repeat_stale(c))
        return;
    bool needed = c->websocket || c->busy;
    conn_close(c);
    if (needed)
        c->on->closed(c, why);
}

/* ------------------------------------------------------------------ HTTP answers */

static void keep_cookie(cookie_jar *jar, slice value)
{
    static const char name[] = "BAYEUX_BROWSER=";
    if (!jar || value.len < sizeof name || strncmp(value.p, name, sizeof name - 1) != 0)
        return;
    const char *end = memchr(value.p, ';', value.len);
    slice_copy((slice){value.p, end ? (size_t)(end - value.p) : value.len}, jar->text, sizeof jar->text);
}

static void deliver_answer(conn *c, const http_head *head, slice body)
{
    c->busy = false;
    c->reused = true;
    keep_cookie(c->jar, head->cookie);
    if (head->close)
        conn_close(c);
    c->on->message(c, head->status, body);
}

static void read_answers(conn *c)
{
    http_head head;
    unsigned epoch = c->epoch;
    while (c->busy && http_head_parse((slice){c->in.p, c->in.len}, &head)) {
        size_t used;
        c->fragments.len = 0;
        slice rest = {c->in.p + head.head_len, c->in.len - head.head_len};
        slice body = {rest.p, head.body_len};
        if (head.status == 0) {
            conn_fail(c, "answer is not HTTP");
            return;
        }
        if (head.chunked) {
            if (!(used = http_join_chunks(rest, &c->fragments)))
                return;
            body = (slice){c->fragments.p, c->fragments.len};
        } else if (rest.len < (used = head.body_len)) {
            return;
        }
        deliver_answer(c, &head, body);
        if (c->epoch != epoch)
            return;
        buf_drop_front(&c->in, head.head_len + used);
    }
}

/* ------------------------------------------------------------------ websocket frames */

static uint32_t next_mask(conn *c)
{
    c->mask ^= c->mask << 13; /* xorshift32: RFC 6455 wants varying masks; nothing here needs secrecy */
    c->mask ^= c->mask >> 17;
    c->mask ^= c->mask << 5;
    return c->mask;
}

static void send_frame(conn *c, int opcode, slice payload)
{
    ws_frame_write(&c->out, opcode, next_mask(c), payload);
    if (!c->watching_write)
        flush(c);
}

void conn_send_text(conn *c, slice text)
{
    if (c->state == CONN_OPEN)
        send_frame(c, WS_TEXT, text);
}

static void handle_frame(conn *c, const ws_frame *frame)
{
    if (frame->opcode == WS_PING) {
        send_frame(c, WS_PONG, frame->payload);
    } else if (frame->opcode == WS_CLOSE) {
        conn_fail(c, "server closed the websocket");
    } else if (frame->opcode == WS_TEXT && frame->final) {
        c->on->message(c, 0, frame->payload);
    } else if (frame->opcode == WS_TEXT || frame->opcode == WS_CONTINUATION) {
        buf_add(&c->fragments, frame->payload.p, frame->payload.len);
        if (frame->final) {
            c->on->message(c, 0, (slice){c->fragments.p, c->fragments.len});
            c->fragments.len = 0;
        }
    }
}

static void read_frames(conn *c)
{
    ws_frame frame;
    size_t used = 0;
    unsigned epoch = c->epoch;
    while (ws_frame_parse((slice){c->in.p + used, c->in.len - used}, &frame)) {
        used += frame.total;
        handle_frame(c, &frame);
        if (c->epoch != epoch)
            return;
    }
    buf_drop_front(&c->in, used);
}

static void read_upgrade(conn *c)
{
    http_head head;
    if (!http_head_parse((slice){c->in.p, c->in.len}, &head))
        return;
    keep_cookie(c->jar, head.cookie);
    if (head.status != 101) {
        conn_fail(c, "websocket upgrade refused");
        return;
    }
    buf_drop_front(&c->in, head.head_len);
    c->state = CONN_OPEN;
    c->on->opened(c);
}

/* ------------------------------------------------------------------ the loop's entry */

static void receive(conn *c)
{
    static char chunk[READ_SIZE]; /* shared, so that ten thousand idle connections stay small */
    ssize_t got = recv(c->source.fd, chunk, sizeof chunk, 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    if (got <= 0) {
        conn_fail(c, got ? strerror(errno) : "server closed the connection");
        return;
    }
    buf_add(&c->in, chunk, (size_t)got);
    if (!c->websocket) {
        read_answers(c);
        return;
    }
    if (c->state == CONN_UPGRADING)
        read_upgrade(c);
    if (c->state == CONN_OPEN)
        read_frames(c);
}

static void conn_ready(source *s, unsigned events)
{
    conn *c = (conn *)s;
    if (c->source.fd >= 0 && events & EPOLLOUT)
        flush(c);
    if (c->source.fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        receive(c);
}
