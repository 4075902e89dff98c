/**
 * Drawing attention: a sound, a notification of the browser, the number in the title. Each has a switch, kept in this
 * browser. The browser's permission is asked for by a click only; a notification never says what the customer wrote.
 */

/** @typedef {import("./desk.js").News} News */

const KEYS = { sound: "console-sound", notices: "console-notices", shortcuts: "console-shortcuts" };
/** Hertz; two short tones for something to accept, one for a message. */
const TONES = { offer: [660, 880], waiting: [660], message: [520] };
const WORDS = { offer: "A chat is offered to you", waiting: "A customer waits", message: "New message" };

/** Switches of this browser. On unless switched off, but notifications only when they were asked for. */
export const switches = {
  /** @param {keyof typeof KEYS} name */
  get(name) {
    const kept = localStorage.getItem(KEYS[name]);
    return name === "notices" ? kept === "on" && permission() === "granted" : kept !== "off";
  },
  /** @param {keyof typeof KEYS} name @param {boolean} on */
  set(name, on) {
    localStorage.setItem(KEYS[name], on ? "on" : "off");
  },
};

/** @returns {"granted"|"denied"|"default"|"missing"} */
export function permission() {
  return typeof Notification === "undefined" ? "missing" : Notification.permission;
}

/** Only from a click. */
export async function askPermission() {
  if (permission() === "missing") return "missing";
  const answer = await Notification.requestPermission();
  if (answer === "granted") switches.set("notices", true);
  return answer;
}

export class Alerts {
  /** @type {AudioContext|null} */
  #audio = null;

  /** Opens a chat; set by whoever is signed in. @type {(chatId: string) => void} */
  open = () => {};

  constructor() {
    // Browsers let a page sound only after somebody has done something in it.
    const gesture = () => (this.#audio ??= new AudioContext());
    for (const name of ["pointerdown", "keydown"]) addEventListener(name, gesture, { once: true });
  }

  /** @param {News} news */
  tell({ kind, chatId, name }) {
    // Who looks at the chat sees the message itself.
    if (kind === "message" && !document.hidden && document.hasFocus()) return;
    if (switches.get("sound")) this.#sound(TONES[kind]);
    if (document.hidden && switches.get("notices")) {
      this.#notify(WORDS[kind], name, chatId);
    }
  }

  /** @param {string} title @param {string} body @param {string} chatId */
  #notify(title, body, chatId) {
    try {
      const shown = new Notification(title, { body, tag: chatId });
      shown.onclick = () => {
        window.focus();
        this.open(chatId);
        shown.close();
      };
    } catch {
      // Browsers of phones allow them to service workers only; sound and title have to do.
    }
  }

  /** @param {number[]} tones */
  #sound(tones) {
    const audio = this.#audio;
    if (audio === null || audio.state !== "running") return;
    tones.forEach((frequency, place) => {
      const at = audio.currentTime + place * 0.14;
      const volume = new GainNode(audio, { gain: 0.0001 });
      volume.gain.exponentialRampToValueAtTime(0.15, at + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.13);
      const tone = new OscillatorNode(audio, { frequency });
      tone.connect(volume).connect(audio.destination);
      tone.start(at);
      tone.stop(at + 0.14);
    });
  }
}
