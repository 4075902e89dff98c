#define _GNU_SOURCE
#include "http_head.h"

#include <string.h>
#include <strings.h>

static bool same_name(slice name, const char *expected)
{
    return name.len == strlen(expected) && strncasecmp(name.p, expected, name.len) == 0;
}

static void read_header(http_head *head, slice name, slice value)
{
    if (same_name(name, "content-length"))
        head->body_len = slice_uint(value);
    else if (same_name(name, "transfer-encoding"))
        head->chunked = true;
    else if (same_name(name, "connection"))
        head->close = same_name(value, "close");
    else if (same_name(name, "set-cookie"))
        head->cookie = value;
}

static void read_line(http_head *head, slice line)
{
    const char *colon = memchr(line.p, ':', line.len);
    if (!colon)
        return;
    slice value = {colon + 1, (size_t)(line.p + line.len - colon - 1)};
    while (value.len && *value.p == ' ')
        value = (slice){value.p + 1, value.len - 1};
    read_header(head, (slice){line.p, (size_t)(colon - line.p)}, value);
}

bool http_head_parse(slice in, http_head *head)
{
    const char *end = in.len ? memmem(in.p, in.len, "\r\n\r\n", 4) : NULL;
    if (!end)
        return false;
    *head = (http_head){.head_len = (size_t)(end - in.p) + 4};
    if (in.len > 12 && memcmp(in.p, "HTTP/1.", 7) == 0)
        head->status = (int)slice_uint((slice){in.p + 9, 3});
    for (const char *line = in.p; line < end;) {
        const char *stop = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
        read_line(head, (slice){line, (size_t)(stop - line)});
        line = stop + 2;
    }
    return true;
}

size_t http_join_chunks(slice encoded, buf *out)
{
    size_t at = 0;
    for (;;) {
        const char *line_end = memmem(encoded.p + at, encoded.len - at, "\r\n", 2);
        if (!line_end)
            return 0;
        size_t size = 0;
        for (const char *d = encoded.p + at; d < line_end && *d != ';'; d++)
            size = size * 16 + (size_t)(*d <= '9' ? *d - '0' : (*d | 32) - 'a' + 10);
        at = (size_t)(line_end - encoded.p) + 2;
        if (encoded.len - at < size + 2)
            return 0;
        buf_add(out, encoded.p + at, size);
        at += size + 2;
        if (size == 0)
            return at;
    }
}
