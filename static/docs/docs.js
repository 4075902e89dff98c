/**
 * Shows /openapi.json: operations by tag, their parameters, bodies and answers, then the schemas.
 *
 * Reads the part of OpenAPI 3.0 that our document uses. Everything is built from elements and text nodes.
 */

import { byId, element } from "../lib/dom.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

async function load() {
  const response = await fetch("openapi.json");
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.json();
}

function show(document_) {
  byId("title").textContent = document_.info.title;
  byId("description").textContent = document_.info.description ?? "";
  byId("version").textContent = document_.info.version;
  for (const [tag, operations] of byTag(document_)) {
    byId("contents").append(element("h3", {}, tag), contentsOf(operations));
    byId("operations").append(element("h2", {}, tag), ...operations.map(operationCard));
  }
  for (const [name, schema] of Object.entries(document_.components?.schemas ?? {}).sort()) {
    byId("schemas").append(schemaCard(name, schema));
  }
  byId("contents").hidden = false;
  byId("schemas").hidden = false;
  byId("status").hidden = true;
}

/** @returns {Map<string, object[]>} operations of each tag, in the order of the document */
function byTag(document_) {
  const tags = new Map();
  for (const [path, item] of Object.entries(document_.paths)) {
    for (const method of METHODS.filter((name) => name in item)) {
      const operation = item[method];
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
      const tag = operation.tags?.[0] ?? "other";
      const id = `${method}${path.replace(/[^A-Za-z0-9]+/g, "-")}`;
      tags.set(tag, [...(tags.get(tag) ?? []), { ...operation, path, method, parameters, id }]);
    }
  }
  return tags;
}

function contentsOf(operations) {
  const entries = operations.map((operation) =>
    element(
      "li",
      {},
      element("a", { href: `#${operation.id}` }, `${operation.method.toUpperCase()} ${operation.path}`),
      ` ${operation.summary ?? ""}`,
    ),
  );
  return element("ul", {}, ...entries);
}

function operationCard(operation) {
  const heading = element(
    "h3",
    {},
    element("span", { class: "method" }, operation.method.toUpperCase()),
    element("span", { class: "path" }, operation.path),
  );
  const card = element("article", { class: "card operation", id: operation.id }, heading);
  if (operation.summary) card.append(element("p", {}, operation.summary));
  if (operation.description) card.append(element("p", { class: "muted" }, operation.description));
  if (operation.parameters.length > 0) {
    const rows = operation.parameters.map((parameter) => [
      code(parameter.name),
      parameter.in,
      typeOf(parameter.schema ?? {}),
      parameter.description ?? "",
    ]);
    card.append(element("h4", {}, "Parameters"), table(["Name", "In", "Type", "Meaning"], rows));
  }
  const body = operation.requestBody?.content;
  if (body) card.append(element("h4", {}, "Request body"), table(["Content type", "Schema"], contentRows(body)));
  card.append(element("h4", {}, "Answers"), table(["Status", "Meaning", "Schema"], answerRows(operation.responses)));
  return card;
}

function contentRows(content) {
  return Object.entries(content).map(([type, media]) => [code(type), typeOf(media.schema ?? {})]);
}

function answerRows(responses) {
  return Object.entries(responses).map(([status, answer]) => {
    const media = Object.values(answer.content ?? {})[0];
    return [code(status), answer.description ?? "", media ? typeOf(media.schema ?? {}) : ""];
  });
}

function schemaCard(name, schema) {
  const card = element("article", { class: "card schema", id: schemaId(name) }, element("h3", {}, name));
  if (schema.description) card.append(element("p", { class: "muted" }, schema.description));
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([member, property]) => [
    code(member),
    typeOf(property),
    required.has(member) ? "always" : "optional",
    property.description ?? "",
  ]);
  if (rows.length > 0) card.append(table(["Member", "Type", "Present", "Meaning"], rows));
  return card;
}

/** A short type expression with links to schemas. */
function typeOf(schema) {
  const box = element("span", {});
  const reference = schema.$ref ?? schema.allOf?.[0]?.$ref;
  if (reference) {
    const name = reference.split("/").at(-1);
    box.append(element("a", { href: `#${schemaId(name)}` }, name));
  } else if (schema.type === "array") {
    box.append("list of ", typeOf(schema.items ?? {}));
  } else if (schema.enum) {
    box.append(schema.enum.map((value) => JSON.stringify(value)).join(" | "));
  } else {
    box.append(schema.type ?? "any", schema.format ? ` (${schema.format})` : "");
  }
  if (schema.nullable && !schema.enum?.includes(null)) box.append(" or null");
  return box;
}

function table(headings, rows) {
  const head = element("tr", {}, ...headings.map((heading) => element("th", { scope: "col" }, heading)));
  const body = rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell))));
  const made = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  return element("div", { class: "scroll" }, made);
}

function code(text) {
  return element("code", {}, text);
}

function schemaId(name) {
  return `schema-${name}`;
}

load()
  .then(show)
  .then(() => location.hash && document.getElementById(location.hash.slice(1))?.scrollIntoView())
  .catch((error) => {
    byId("status").textContent = `The document could not be loaded: ${error.message}. Reload the page to try again.`;
  });
