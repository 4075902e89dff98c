/**
 * Building and filling elements. Text is always a text node: nothing here or in its callers parses HTML.
 */

/**
 * @param {string} name
 * @param {Object<string, string>} [attributes]
 * @param {...(Node|string)} children
 * @returns {HTMLElement}
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/**
 * The element with this id; a missing one is a mistake in the page.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no element #${id}`);
  return found;
}

/**
 * Whether the text was another one; an equal one is left alone, so that it is not announced again.
 * @param {Element|null} node @param {string} text
 */
export function setText(node, text) {
  if (node === null || node.textContent === text) return false;
  node.textContent = text;
  return true;
}

/**
 * A promise that is kept after some milliseconds.
 * @param {number} milliseconds
 * @returns {Promise<void>}
 */
export function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** The longest wait between two attempts. */
const LONGEST_PAUSE_MS = 15_000;

/** A wait that can be cut short. */
export class Pause {
  end = () => {};

  /** @param {number} milliseconds */
  async wait(milliseconds) {
    const ended = new Promise((/** @type {(value?: unknown) => void} */ resolve) => (this.end = resolve));
    await Promise.race([sleep(milliseconds), ended]);
  }

  /** Longer after each failure, half of it by chance, so that clients do not return in step. @param {number} failures */
  async backOff(failures) {
    await this.wait(Math.min(LONGEST_PAUSE_MS, 500 * 2 ** failures) * (0.5 + Math.random() / 2));
  }
}

/**
 * A button that does something.
 * @param {Object<string, string>} attributes
 * @param {(event: Event) => void} action
 * @param {...(Node|string)} children
 */
export function button(attributes, action, ...children) {
  const made = /** @type {HTMLButtonElement} */ (element("button", { type: "button", ...attributes }, ...children));
  made.addEventListener("click", action);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * A line drawing of 20 x 20, hidden from assistive technology.
 * @param {string} path
 */
export function icon(path) {
  const drawing = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 20 20", "aria-hidden": "true", class: "icon" })) {
    drawing.setAttribute(key, value);
  }
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  drawing.append(line);
  return drawing;
}

/**
 * The address as a URL if it may be linked to: http or https, nothing that runs code.
 * @param {string} text
 * @returns {URL|null}
 */
export function safeUrl(text) {
  try {
    const url = new URL(text);
    return ["http:", "https:"].includes(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

/** A link that tells the other site nothing and gets no hold on this page. @param {URL} url @param {...(Node|string)} children */
export function outwardLink(url, ...children) {
  const attributes = { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow" };
  return element("a", { ...attributes, referrerpolicy: "no-referrer" }, ...children);
}

const ADDRESS = /\bhttps?:\/\/[^\s<>"']+/gi;
/** What ends a sentence is hardly a part of the address in it. */
const TRAILING = /[.,;:!?)\]}]+$/;

/**
 * A text with its web addresses as links.
 * @param {string} text
 * @returns {(Node|string)[]}
 */
export function linkified(text) {
  /** @type {(Node|string)[]} */
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = match[0].replace(TRAILING, "");
    const url = safeUrl(address);
    if (url === null) continue;
    parts.push(text.slice(from, match.index), outwardLink(url, address));
    from = match.index + address.length;
  }
  return [...parts, text.slice(from)];
}

/** Save something as a file. @param {Blob} blob @param {string} name */
export function saveAs(blob, name) {
  const href = URL.createObjectURL(blob);
  element("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
