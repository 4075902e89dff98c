#include "ws_frame.h"

#include <string.h>

bool ws_frame_parse(slice in, ws_frame *frame)
{
    if (in.len < 2)
        return false;
    const unsigned char *b = (const unsigned char *)in.p;
    size_t head = 2;
    uint64_t len = b[1] & 0x7f;
    size_t extended = len == 126 ? 2 : len == 127 ? 8 : 0;
    if (in.len < head + extended)
        return false;
    if (extended)
        len = 0;
    while (head < 2 + extended)
        len = len << 8 | b[head++];
    if (in.len - head < len)
        return false;
    *frame = (ws_frame){b[0] & 0x0f, (b[0] & 0x80) != 0, {in.p + head, len}, head + len};
    return true;
}

void ws_frame_write(buf *out, int opcode, uint32_t mask, slice payload)
{
    unsigned char head[14] = {(unsigned char)(0x80 | opcode)};
    size_t at = 2;
    int length_bytes = payload.len < 126 ? 0 : payload.len < 65536 ? 2 : 8;
    head[1] = (unsigned char)(0x80 | (length_bytes == 0 ? payload.len : length_bytes == 2 ? 126 : 127));
    while (length_bytes--)
        head[at++] = (unsigned char)((uint64_t)payload.len >> 8 * length_bytes);
    memcpy(head + at, &mask, sizeof mask);
    buf_add(out, head, at + sizeof mask);
    char *masked = buf_room(out, payload.len);
    for (size_t i = 0; i < payload.len; i++)
        masked[i] = (char)(payload.p[i] ^ ((const char *)&mask)[i & 3]);
    out->len += payload.len;
}
