// The operations of openapi.json, listed: nothing is loaded from elsewhere.

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const description = await (await fetch("/openapi.json")).json();
document.getElementById("about").prepend(`${description.info.description} `);
for (const [path, operations] of Object.entries(description.paths)) {
  for (const [verb, operation] of Object.entries(operations)) {
    const rows = (operation.parameters ?? []).map(({ name, in: where, required, schema, description: text }) =>
      [name, `${where}, ${schema?.type ?? "any"}${required ? "" : `, default ${schema?.default}`}${text ? `: ${text}` : ""}`]);
    const body = operation.requestBody && Object.keys(operation.requestBody.content).join(", ");
    if (body) rows.push(["body", body]);
    for (const [status, answer] of Object.entries(operation.responses)) {
      rows.push([status, `${answer.description} (${Object.keys(answer.content ?? {}).join(", ") || "no content"})`]);
    }
    const table = element("table", {}, element("tbody", {}, ...rows.map(([name, text]) =>
      element("tr", {}, element("td", { textContent: name }), element("td", { textContent: text })))));
    const title = element("h2", { className: "operation" }, element("code", {},
      element("span", { className: "verb", textContent: verb.toUpperCase() }), ` ${path}`));
    const text = element("p", { className: "muted", textContent: operation.description ?? operation.summary });
    document.getElementById("operations").append(element("section", { className: "card" }, title, text, table));
  }
}
