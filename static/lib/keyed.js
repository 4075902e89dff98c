/**
 * Lists that change: an element stays as long as its item does, so that focus, clicks and scroll positions survive.
 */

/**
 * Make the children of `parent` those of `items`, in their order.
 * @template T
 * @param {Element} parent
 * @param {Iterable<T>} items
 * @param {{key: (item: T) => string, make: (item: T) => HTMLElement, update?: (node: HTMLElement, item: T) => void}} how
 */
export function keyed(parent, items, { key, make, update }) {
  /** @type {Map<string, HTMLElement>} */
  const before = new Map();
  for (const child of parent.children) {
    const node = /** @type {HTMLElement} */ (child);
    before.set(node.dataset.key ?? "", node);
  }
  let place = 0;
  for (const item of items) {
    const name = key(item);
    const node = before.get(name) ?? make(item);
    before.delete(name);
    node.dataset.key = name;
    update?.(node, item);
    const there = parent.children[place];
    if (there !== node) parent.insertBefore(node, there ?? null);
    place += 1;
  }
  for (const node of before.values()) node.remove();
}

/** Change a text only if it differs, so that nothing is announced or selected anew. @param {Element} node @param {string} text */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {Element} node @param {string} name @param {string|null} value null: without the attribute */
export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}
