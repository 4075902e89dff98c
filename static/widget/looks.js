/**
 * Theme, side, direction and colours of the widget, and the whole screen on a telephone.
 */

import { element } from "../lib/dom.js";

/**
 * Dress the root element as configured.
 * @param {HTMLElement} root
 * @param {import("./config.js").Config} config
 * @param {{dir: string, dark: boolean}} surroundings the language's direction, the system's theme
 */
export function dress(root, { theme, position, color, zindex, dir }, surroundings) {
  root.classList.toggle("dark", theme === "dark" || (theme === "auto" && surroundings.dark));
  root.classList.toggle("start", position === "start");
  root.setAttribute("dir", ["ltr", "rtl"].includes(dir) ? dir : surroundings.dir);
  if (color) root.style.setProperty("--chat-accent", color);
  if (zindex) root.style.setProperty("--chat-z", zindex);
  const { host } = /** @type {ShadowRoot} */ (root.getRootNode());
  // What is readable on an accent colour is only computed where the page has not said it.
  if (!getComputedStyle(root).getPropertyValue("--chat-accent")) return;
  if (getComputedStyle(host).getPropertyValue("--chat-on-accent")) return;
  root.style.setProperty("--chat-on-accent", readableOn(root));
}

/** Black or white, whichever is easier to read on the accent colour. @param {HTMLElement} root */
function readableOn(root) {
  const probe = element("span");
  probe.style.color = "var(--accent)";
  root.append(probe);
  const [red = 0, green = 0, blue = 0] = (getComputedStyle(probe).color.match(/[\d.]+/g) ?? []).map(Number);
  probe.remove();
  const [r = 0, g = 0, b = 0] = [red, green, blue].map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  const [white, black] = [1.05 / (light + 0.05), (light + 0.05) / 0.05];
  if (Math.max(white, black) < 4.5) console.warn("ChatWidget: the contrast of --chat-accent is below 4.5");
  return white >= black ? "#ffffff" : "#000000";
}

/** On a telephone the panel covers the page: the page does not scroll, and Back closes the panel. */
export class Screen {
  #phone = matchMedia("(max-width: 480px)");
  #full = false;
  #overflow = "";
  #steppedBack = false;
  #view;
  #minimize;

  /** @param {() => import("./view.js").View} view the present one @param {() => void} minimize */
  constructor(view, minimize) {
    this.#view = view;
    this.#minimize = minimize;
  }

  /** @param {AbortSignal} signal */
  listen(signal) {
    this.#phone.addEventListener("change", () => this.fill(), { signal });
    addEventListener("popstate", () => this.#back(), { signal });
  }

  /** Cover the page if the panel is open, or give it back. */
  fill() {
    const view = this.#view();
    const full = view.isOpen && this.#phone.matches;
    const { style } = document.documentElement;
    view.setModal(full);
    if (full && !this.#full) {
      this.#overflow = style.overflow;
      style.overflow = "hidden";
      // After a reload with the panel open, the step is there already.
      if (!history.state?.chatWidget) history.pushState({ ...history.state, chatWidget: true }, "");
    } else if (!full && this.#full) {
      style.overflow = this.#overflow;
      if (!this.#steppedBack && history.state?.chatWidget) history.back();
    }
    this.#full = full;
    this.#steppedBack = false;
  }

  #back() {
    if (!this.#full) return;
    this.#steppedBack = true;
    this.#minimize();
  }
}
