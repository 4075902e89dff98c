/*
 * The one tag of the chat widget: <script src="<gateway>/static/widget/embed.js" data-service="..." async>.
 * A classic script, because only such a one knows its own tag. It makes `ChatWidget`, which takes commands at once and
 * runs them when the widget is there.
 */
(() => {
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const page = /** @type {any} */ (window);
  if (page.ChatWidget?.version) return; // the tag is there twice

  // The gateway fills in its version, below which browsers keep the widget, all modules in one file. Any other web
  // server, and a gateway that shows its source, leaves this as it is: then the modules are beside this file.
  const version = "@VERSION@";
  const path = version.startsWith("@") ? "widget.js" : `../-/${version}/widget/widget.js`;
  const address = new URL(path, script.src).href;
  const link = document.createElement("link");
  link.rel = "modulepreload";
  link.crossOrigin = "anonymous";
  link.href = address;
  document.head.append(link);

  const commands = ["open", "close", "minimize", "start", "send", "sendFile", "updateUserData", "end", "state"];
  const loaded = new Promise((resolve) => {
    if (document.body) resolve(undefined);
    else document.addEventListener("DOMContentLoaded", resolve, { once: true });
  })
    .then(() => import(address))
    .then((module) => module.mount({ data: { ...script.dataset }, script: script.src, genesys: page._genesys }));

  // One after the other, in the order of the calls; a failure does not stop those that follow. A message may have to wait
  // for the network: it is handed over in its turn, and of what follows only the end waits until it has arrived.
  /** @type {Promise<any>} */
  let last = loaded;
  /** @type {Promise<any>} */
  let said = loaded;
  /** @param {string} name @param {any[]} values */
  const call = (name, ...values) => {
    const turn = (name === "end" ? Promise.all([said, last]) : last).then(() => loaded);
    const result = turn.then((widget) => widget[name](...values));
    const done = result.catch(() => {});
    if (name === "send") said = done;
    last = name === "send" ? turn : done;
    return result;
  };
  const before = Array.isArray(page.ChatWidget) ? page.ChatWidget : [];
  /** @type {any} */
  const api = {
    version: 1,
    push: (/** @type {any[]} */ ...command) => {
      const [name, ...values] = Array.isArray(command[0]) ? command[0] : command;
      call(name, ...values).catch((error) => console.warn(`ChatWidget.${name}: ${error.message}`));
    },
  };
  for (const name of [...commands, "configure", "on", "off", "destroy"]) {
    api[name] = (/** @type {any[]} */ ...values) => call(name, ...values);
  }
  page.ChatWidget = api;
  for (const command of before) api.push(command);
  loaded.catch((error) => console.error(`ChatWidget could not be loaded: ${error.message}`));
})();
