/**
 * Where the page is: the part of the address behind `#`, so that a view with its filters can be shared.
 */

/** @typedef {{view: string, id: string, query: URLSearchParams}} Route */

/** `#/deliveries/msg_1?state=failed`; the view is empty without any. @param {string} hash @returns {Route} */
export function parse(hash) {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [view = "", ...rest] = path.split("/");
  return { view, id: decoded(rest.join("/")), query: new URLSearchParams(query) };
}

/** @param {string} view @param {string} [id] @param {URLSearchParams|Object<string, string>} [query] */
export function link(view, id = "", query = {}) {
  const text = new URLSearchParams(query).toString();
  const path = id ? `/${encodeURIComponent(id)}` : "";
  const rest = text ? `?${text}` : "";
  return `#/${view}${path}${rest}`;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
