/**
 * Colours, sizes and rules of the widget as one constructed style sheet: it needs no permission of the page's policy,
 * and the page's own rules do not reach it. Only logical properties, so that right-to-left works; px and em, because
 * rem is the page's. What a page may set are the --chat-* properties (docs/widget.md).
 */

const CSS = `
:host { all: initial !important; display: contents !important; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }

.root {
  --canvas: #f6f7f9; --surface: var(--chat-surface, #ffffff); --sunken: #eef0f4;
  --text: var(--chat-text, #161b26); --muted: var(--chat-muted, #525c6c);
  --border: var(--chat-border, #d9dde5); --border-strong: #8a93a3;
  --accent: var(--chat-accent, #1f5fbf); --accent-soft: #e6effb; --on-accent: var(--chat-on-accent, #ffffff);
  --head: var(--accent); --on-head: var(--on-accent); --edge: var(--accent);
  --success: #14713f; --warning: #8a5300; --danger: #b4232a; --warn-soft: #fdf3e2; --danger-soft: #fdecec;
  --shadow: 0 1px 2px rgb(22 27 38 / 8%), 0 12px 40px rgb(22 27 38 / 18%);
  color-scheme: light;
  position: fixed; inset-block-end: 16px; inset-inline-end: 16px; z-index: var(--chat-z, 2147483000);
  display: flex; flex-direction: column; align-items: flex-end; gap: 12px;
  font: 400 var(--chat-size, 14px)/1.45 var(--chat-font, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif);
  color: var(--text); text-align: start; letter-spacing: normal; pointer-events: none;
  -webkit-text-size-adjust: 100%; -webkit-tap-highlight-color: transparent;
}
.root.start { inset-inline: 16px auto; align-items: flex-start; }
.root.dark {
  --canvas: #10141c; --surface: var(--chat-surface, #171c26); --sunken: #1f2632;
  --text: var(--chat-text, #e8ecf3); --muted: var(--chat-muted, #a3aebf);
  --border: var(--chat-border, #2c3543); --border-strong: #6b7688;
  --accent: var(--chat-accent, #7fb0f5); --accent-soft: #1b2c47; --on-accent: var(--chat-on-accent, #0b1524);
  --head: var(--sunken); --on-head: var(--text); --edge: var(--accent);
  --success: #5ccb8c; --warning: #e6b450; --danger: #ff8a8a; --warn-soft: #33291a; --danger-soft: #3a2024;
  --shadow: 0 1px 2px rgb(0 0 0 / 40%), 0 12px 40px rgb(0 0 0 / 55%);
  color-scheme: dark;
}
.root > * { pointer-events: auto; }

button, input, textarea, select { font: inherit; color: inherit; letter-spacing: inherit; margin: 0; }
button { cursor: pointer; }
h2, p, ol, ul { margin: 0; padding: 0; font-size: inherit; font-weight: inherit; }
a { color: inherit; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
::placeholder { color: var(--muted); opacity: 1; }
.icon { width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 1.5; stroke-linecap: round;
  stroke-linejoin: round; flex: none; display: block; }
.unseen { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.muted { color: var(--muted); }

.launcher { position: relative; display: grid; place-items: center; inline-size: 56px; block-size: 56px; padding: 0;
  border: 0; border-radius: 50%; background: var(--accent); color: var(--on-accent); box-shadow: var(--shadow); }
.launcher .icon { width: 26px; height: 26px; }
.badge { position: absolute; inset-block-start: -4px; inset-inline-end: -4px; min-inline-size: 22px; padding: 1px 6px;
  border-radius: 11px; border: 2px solid var(--surface); background: var(--danger); color: var(--surface);
  font-size: 12px; font-weight: 600; line-height: 16px; text-align: center; font-variant-numeric: tabular-nums; }

.panel { position: relative; display: flex; flex-direction: column; inline-size: min(360px, calc(100vw - 32px));
  block-size: min(600px, calc(100vh - 104px)); block-size: min(600px, calc(100dvh - 104px)); overflow: hidden;
  border: 1px solid var(--border); border-radius: var(--chat-radius, 16px); background: var(--surface);
  box-shadow: var(--shadow); animation: rise 120ms ease-out; }
@keyframes rise { from { opacity: 0; transform: translateY(8px); } }

.header { display: flex; align-items: center; gap: 12px; min-block-size: 60px; padding: 10px 8px 10px 16px;
  padding-inline: 16px 8px; background: var(--head); color: var(--on-head); border-block-end: 2px solid var(--edge); flex: none; }
.avatar { display: grid; place-items: center; inline-size: 32px; block-size: 32px; border-radius: 50%; flex: none;
  background: var(--accent-soft); color: var(--accent); font-size: 12px; font-weight: 600; }
.who { flex: 1; min-inline-size: 0; }
.who h2 { font-size: 1.15em; font-weight: 600; line-height: 1.3; }
.who p { font-size: 12px; line-height: 1.35; }
.who h2, .who p { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.tools { display: flex; }
.tool { display: grid; place-items: center; inline-size: 36px; block-size: 36px; padding: 0; border: 0; border-radius: 6px;
  background: none; color: inherit; }
.tool:hover { background: color-mix(in srgb, currentColor 14%, transparent); }
.header :focus-visible { outline-color: currentColor; outline-offset: -2px; }

.menu { position: absolute; inset-block-start: 54px; inset-inline-end: 12px; z-index: 3; display: grid; min-inline-size: 220px;
  padding: 4px; border: 1px solid var(--border); border-radius: 10px; background: var(--surface); box-shadow: var(--shadow); }
.menu button { padding: 7px 12px; border: 0; border-radius: 6px; background: none; text-align: start; min-block-size: 32px; }
.menu button:hover { background: var(--sunken); }

.strip { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; padding: 8px 16px; font-size: 13px;
  background: var(--sunken); border-block-end: 1px solid var(--border); flex: none; }
.strip p { flex: 1 1 180px; }
.strip.bad { background: var(--danger-soft); color: var(--danger); }
.strip.warn { background: var(--warn-soft); color: var(--warning); }
.strip .actions { display: flex; gap: 8px; }

.button { min-block-size: 32px; padding: 5px 12px; border: 1px solid var(--border-strong); border-radius: 6px;
  background: var(--surface); color: var(--text); }
.button:hover { background: var(--sunken); }
.button.primary { border-color: var(--accent); background: var(--accent); color: var(--on-accent); font-weight: 600; }
.button.primary:hover { background: color-mix(in srgb, var(--accent) 88%, var(--text)); }
.button.wide { inline-size: 100%; min-block-size: 40px; }
.button:disabled { opacity: 0.6; cursor: default; }
.plain { padding: 0 2px; border: 0; background: none; color: var(--accent); text-decoration: underline;
  min-block-size: 24px; font-size: 12px; }

.body { position: relative; display: flex; flex: 1; min-block-size: 0; flex-direction: column; }
.log { flex: 1; padding: 16px; overflow-y: auto; overscroll-behavior: contain; scrollbar-width: thin; }
.log ol { display: flex; flex-direction: column; gap: 2px; list-style: none; }
.log:focus-visible { outline-offset: -2px; }
.log li { display: flex; flex-direction: column; align-items: flex-start; max-inline-size: 100%; }
.log li.own { align-items: flex-end; }
.log li.first { margin-block-start: 10px; }
.log li.info { align-items: center; padding: 4px 0; margin-block-start: 8px; color: var(--muted); font-size: 12px; text-align: center; }
.log li.fresh { animation: rise 120ms ease-out; }
.bubble { max-inline-size: 85%; padding: 8px 12px; border-radius: 10px; background: var(--sunken);
  white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; }
li.other .bubble { border-end-start-radius: 3px; }
li.own .bubble { border-end-end-radius: 3px; background: var(--accent); color: var(--on-accent); }
.own .bubble :focus-visible { outline-color: currentColor; }
.byline { margin-block-start: 3px; padding-inline: 2px; font-size: 12px; color: var(--muted); }
.byline.bad { color: var(--danger); }
.own .byline { text-align: end; }
.card { display: flex; align-items: center; gap: 10px; text-align: start; }
.card .name { display: block; overflow-wrap: anywhere; }
.card small { display: block; font-size: 12px; }
button.bubble { border: 0; }
button.bubble:hover .name { text-decoration: underline; }
.bar { display: block; inline-size: 180px; block-size: 4px; margin-block-start: 6px; border: 0; border-radius: 2px; overflow: hidden;
  appearance: none; background: color-mix(in srgb, currentColor 30%, transparent); }
.bar::-webkit-progress-bar { background: transparent; }
.bar::-webkit-progress-value { background: currentColor; }
.bar::-moz-progress-bar { background: currentColor; }
.typing { min-block-size: 24px; padding: 2px 18px 4px; font-size: 12px; color: var(--muted); flex: none; }
.jump { position: absolute; inset-block-end: 32px; inset-inline-start: 50%; translate: -50%; border-radius: 16px; font-size: 12px;
  box-shadow: var(--shadow); }
[dir="rtl"] .jump { translate: 50%; }

.centre { display: flex; flex: 1; flex-direction: column; align-items: center; justify-content: center; gap: 12px;
  padding: 24px; text-align: center; overflow-y: auto; }
.centre .figure { font-size: 20px; font-weight: 600; }
.skeleton { display: grid; gap: 12px; inline-size: 100%; }
.skeleton span { block-size: 36px; inline-size: 65%; border-radius: 10px; background: var(--sunken); }
.skeleton span:nth-child(2n) { justify-self: end; inline-size: 50%; }

.form { display: flex; flex: 1; flex-direction: column; gap: 14px; padding: 20px 16px; overflow-y: auto; }
.field { display: grid; gap: 4px; }
.field label { font-size: 13px; font-weight: 600; }
.field label .muted { font-weight: 400; }
.field input:not([type="checkbox"]), .field textarea, .field select { inline-size: 100%; min-block-size: 38px; padding: 7px 10px;
  border: 1px solid var(--border-strong); border-radius: 6px; background: var(--surface); }
.field textarea { min-block-size: 76px; resize: vertical; }
.field.check { grid-template-columns: auto 1fr; align-items: start; gap: 2px 8px; }
.field.check input { inline-size: 24px; block-size: 24px; margin: 0; accent-color: var(--accent); }
.field.check label { padding-block-start: 2px; font-weight: 400; }
.field.check .fault { grid-column: 1 / -1; }
[aria-invalid="true"] { border-color: var(--danger) !important; box-shadow: 0 0 0 1px var(--danger); }
.fault { font-size: 12px; color: var(--danger); }
.alert { padding: 8px 12px; border-radius: 6px; background: var(--danger-soft); color: var(--danger); font-size: 13px; }

.composer { position: relative; display: flex; align-items: flex-end; gap: 8px; padding: 10px 12px; flex: none;
  border-block-start: 1px solid var(--border); padding-block-end: max(10px, env(safe-area-inset-bottom)); }
.composer textarea { flex: 1; min-inline-size: 0; min-block-size: 40px; max-block-size: 120px; padding: 8px 12px; resize: none;
  border: 1px solid var(--border-strong); border-radius: 10px; background: var(--surface); overflow-y: auto; field-sizing: content; }
.composer .button { min-block-size: 40px; }
.composer .square { display: grid; place-items: center; inline-size: 40px; padding: 0; flex: none; }
.counter { position: absolute; inset-block-start: -20px; inset-inline-end: 16px; font-size: 12px; color: var(--muted);
  background: var(--surface); padding-inline: 4px; }
.preview { padding: 0 16px 8px; font-size: 12px; color: var(--muted); flex: none; }
.drop { position: absolute; inset: 8px; z-index: 2; display: grid; place-items: center; border: 2px dashed var(--accent);
  border-radius: 10px; background: var(--surface); color: var(--accent); font-weight: 600; pointer-events: none; }
.idle { position: absolute; inset: auto 12px 12px; z-index: 2; display: grid; gap: 8px; padding: 16px; border: 1px solid var(--border);
  border-radius: 10px; background: var(--surface); box-shadow: var(--shadow); }
.idle strong { font-size: 16px; }
.idle .count { font-variant-numeric: tabular-nums; }

@media (max-width: 480px) {
  .root.open { inset: 0; gap: 0; }
  .root.open .launcher { display: none; }
  .root.open .panel { inline-size: 100%; block-size: 100vh; block-size: 100dvh; border: 0; border-radius: 0; box-shadow: none;
    padding-block-start: env(safe-area-inset-top); }
  .composer textarea, .field input, .field textarea, .field select { font-size: 16px; }
}
@media (pointer: coarse) {
  .tool, .button, .composer .square, .menu button { min-inline-size: 44px; min-block-size: 44px; }
  .composer textarea { min-block-size: 44px; }
}
@media (max-height: 360px) { .header { min-block-size: 44px; padding-block: 2px; } .avatar { display: none; } }
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; scroll-behavior: auto !important; } }
@media (forced-colors: active) { .bubble, .launcher, .badge, .menu, .idle { border: 1px solid CanvasText; } .icon { stroke: CanvasText; } }
`;

/** The sheet, to be adopted by a shadow root. */
export function styleSheet() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  return sheet;
}
