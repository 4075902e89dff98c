#include "json.h"

#include <string.h>

static void advance(slice *s, size_t count)
{
    s->p += count;
    s->len -= count;
}

static void skip_blank(slice *s)
{
    while (s->len && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t' || *s->p == ','))
        advance(s, 1);
}

/* Length of the string that starts at the opening quote, both quotes included; 0 when it never ends. */
static size_t string_length(slice s)
{
    for (size_t i = 1; i < s.len; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            return i + 1;
    }
    return 0;
}

static size_t container_length(slice s)
{
    size_t depth = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (c == '"') {
            size_t len = string_length((slice){s.p + i, s.len - i});
            if (!len)
                return 0;
            i += len - 1;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

static size_t literal_length(slice s)
{
    size_t i = 0;
    while (i < s.len && !strchr(",:]} \r\n\t", s.p[i]))
        i++;
    return i;
}

static bool take_value(slice *s, slice *value)
{
    skip_blank(s);
    if (!s->len)
        return false;
    char c = *s->p;
    size_t len = c == '"' ? string_length(*s) : c == '{' || c == '[' ? container_length(*s) : literal_length(*s);
    if (!len)
        return false;
    *value = c == '"' ? (slice){s->p + 1, len - 2} : (slice){s->p, len};
    advance(s, len);
    return true;
}

bool json_enter(slice *text, char bracket)
{
    skip_blank(text);
    if (!text->len || *text->p != bracket)
        return false;
    advance(text, 1);
    return true;
}

bool json_item(slice *rest, slice *value)
{
    skip_blank(rest);
    return rest->len && *rest->p != ']' && take_value(rest, value);
}

bool json_member(slice *rest, slice *key, slice *value)
{
    skip_blank(rest);
    if (!rest->len || *rest->p != '"' || !take_value(rest, key))
        return false;
    skip_blank(rest);
    if (!rest->len || *rest->p != ':')
        return false;
    advance(rest, 1);
    return take_value(rest, value);
}

slice json_get(slice object, const char *key)
{
    slice name, value;
    if (json_enter(&object, '{'))
        while (json_member(&object, &name, &value))
            if (slice_is(name, key))
                return value;
    return (slice){NULL, 0};
}

bool json_is_true(slice value) { return slice_is(value, "true"); }
