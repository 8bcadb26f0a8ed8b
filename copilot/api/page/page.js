// The demo's query page: runs operations over HTTP, subscriptions as server-sent events.
"use strict";

const $ = (id) => document.getElementById(id);
const EXAMPLES = {
  String: "", ID: "", Int: 10, Boolean: false,
};

let operations = {};

async function start() {
  const contents = await (await fetch("/graphql/page.json")).json();
  operations = contents.operations;
  fill($("principal"), contents.principals);
  fill($("operation"), Object.keys(operations));
  $("operation").addEventListener("change", choose);
  $("run").addEventListener("click", run);
  $("search").addEventListener("input", showDocs);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
  });
  $("operation").value = "Ask" in operations ? "Ask" : Object.keys(operations)[0];
  choose();
  await loadDocs();
}

function fill(select, names) {
  select.replaceChildren(...names.map((name) => new Option(name, name)));
}

function choose() {
  const query = operations[$("operation").value];
  $("query").value = query;
  $("variables").value = JSON.stringify(variablesOf(query), null, 2);
}

// Required variables get an empty value to fill in; those with a default or null are left out.
function variablesOf(query) {
  const head = query.slice(0, query.indexOf("{\n"));
  const variables = {};
  for (const [, name, list, type] of head.matchAll(/\$(\w+): (\[?)(\w+)!?\]?!(?!\s*=)/g)) {
    variables[name] = list ? [] : EXAMPLES[type] ?? null;
  }
  return variables;
}

async function send(body, accept) {
  return fetch("/graphql", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: accept,
      "X-Copilot-As": $("principal").value,
    },
    body: JSON.stringify(body),
  });
}

async function run() {
  const query = $("query").value;
  let variables;
  try {
    variables = JSON.parse($("variables").value.trim() || "{}");
  } catch (error) {
    $("status").textContent = `The variables are no JSON: ${error.message}`;
    return;
  }
  const began = performance.now();
  $("run").disabled = true;
  $("result").textContent = "";
  $("status").textContent = "running…";
  try {
    const stream = /^\s*subscription\b/m.test(query);
    const response = await send({ query, variables }, stream ? "text/event-stream" : "application/json");
    const type = response.headers.get("Content-Type") ?? "";
    if (type.startsWith("text/event-stream")) await showEvents(response);
    else $("result").textContent = JSON.stringify(await response.json(), null, 2);
    $("status").textContent = `HTTP ${response.status}, ${Math.round(performance.now() - began)} ms`;
  } catch (error) {
    $("status").textContent = `The server did not answer: ${error.message}`;
  } finally {
    $("run").disabled = false;
  }
}

async function showEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\r\n\r\n");
    rest = events.pop();
    for (const event of events) {
      const data = event.split("\r\n").find((line) => line.startsWith("data: {"));
      if (data) $("result").textContent += `${JSON.stringify(JSON.parse(data.slice(6)), null, 2)}\n`;
    }
  }
}

// Deep enough for a list of lists, none of them null.
const TYPE = ["kind name", ...Array(5).fill("ofType { kind name")].join(" ") + " }".repeat(5);
const INTROSPECTION = `{ __schema { types { kind name description
  fields { name description args { name type { ${TYPE} } } type { ${TYPE} } }
  inputFields { name type { ${TYPE} } } enumValues { name } possibleTypes { name } } } }`;
let types = [];

async function loadDocs() {
  const { data } = await (await send({ query: INTROSPECTION }, "application/json")).json();
  if (!data) return;
  const roots = ["Query", "Mutation", "Subscription"];
  const rank = (type) => (roots.indexOf(type.name) + roots.length + 1) % (roots.length + 1);
  types = data.__schema.types
    .filter((type) => !type.name.startsWith("__") && type.kind !== "SCALAR")
    .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  showDocs();
}

function named(type) {
  if (type.kind === "NON_NULL") return `${named(type.ofType)}!`;
  return type.kind === "LIST" ? `[${named(type.ofType)}]` : type.name;
}

function linesOf(type) {
  const fields = (type.fields ?? type.inputFields ?? []).map((field) => {
    const args = (field.args ?? []).map((arg) => `${arg.name}: ${named(arg.type)}`).join(", ");
    return `${field.name}${args && `(${args})`}: ${named(field.type)}`;
  });
  const choices = [...(type.enumValues ?? []), ...(type.possibleTypes ?? [])];
  return [...fields, ...choices.map((choice) => choice.name)];
}

function showDocs() {
  const wanted = $("search").value.toLowerCase();
  $("docs").replaceChildren(...types.flatMap((type) => {
    const lines = linesOf(type);
    if (![type.name, ...lines].some((text) => text.toLowerCase().includes(wanted))) return [];
    return [
      element("h2", type.name),
      element("p", type.description ?? ""),
      ...lines.map((line) => element("code", line)),
    ];
  }));
}

// Texts come from documents: they are only ever set as text, never as markup.
function element(tag, text) {
  const node = document.createElement(tag);
  node.textContent = text;
  return node;
}

start();
