/*
 * json.h - reads JSON in place, without copies and without a tree.
 *
 * The cursor functions take the rest of a container and move it on; values come back as raw slices (a string
 * without its quotes, escapes untouched: ids, keys and markers contain none).  A malformed text ends the
 * iteration early, which the callers report as a protocol error because what they look for is missing.
 */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include "base.h"

bool json_enter(slice *text, char bracket);             /* steps into '[' or '{'; false when it is not one */
bool json_item(slice *rest, slice *value);              /* next element of an array */
bool json_member(slice *rest, slice *key, slice *value); /* next member of an object */
slice json_get(slice object, const char *key);          /* {NULL, 0} when absent */
bool json_is_true(slice value);

#endif
