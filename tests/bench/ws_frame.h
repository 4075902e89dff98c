/*
 * ws_frame.h - websocket frames (RFC 6455 section 5) of a client; pure, no I/O.
 */
#ifndef BENCH_WS_FRAME_H
#define BENCH_WS_FRAME_H

#include "base.h"

enum { WS_CONTINUATION = 0, WS_TEXT = 1, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

typedef struct {
    int opcode;
    bool final;
    slice payload;
    size_t total; /* header and payload */
} ws_frame;

bool ws_frame_parse(slice in, ws_frame *frame); /* an unmasked frame; false until it has arrived completely */
void ws_frame_write(buf *out, int opcode, uint32_t mask, slice payload); /* one final, masked frame */

#endif
