/**
 * Whether what the gateway serves is the program that was written: both are parsed, and the trees must be equal.
 * Reads [{name, written, served}] from standard input; a difference or a fault of syntax ends it with an error.
 */
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { parse } from "acorn";

/** The syntax tree without positions and spellings of literals. @param {string} text */
function tree(text) {
  const options = { ecmaVersion: "latest", sourceType: "module" };
  const bare = (key, value) => (["start", "end", "raw"].includes(key) && typeof value !== "object" ? undefined : value);
  return JSON.stringify(parse(text, options), (key, value) =>
    typeof value === "bigint" ? `${value}n` : bare(key, value),
  );
}

for (const { name, written, served } of JSON.parse(readFileSync(0, "utf8"))) {
  assert.equal(tree(served), tree(written), `${name} is served as another program`);
}
