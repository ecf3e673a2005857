// Adds to a schema what only the declarations of @pulumi/aws still say: which settable attributes AWS fills in when they are
// absent (Optional + Computed), and which are sensitive. Both packages are made from the schema of the provider.
"use strict";
const fs = require("fs");
const path = require("path");

// Names that @pulumi/aws chose by hand.
const RENAMED = { aws_cloudwatch_metric_alarm: { alarm_name: "name" } };

class Declarations {
  constructor(folder) {
    this.folder = folder;
    this.outputs = interfaces(fs.readFileSync(path.join(folder, "types/output.d.ts"), "utf8"));
  }

  /** Adds the flags of a type, found in a file such as `ec2/vpc`; returns the attributes that the file does not have. */
  mark(type, file, schema) {
    const text = fs.readFileSync(path.join(this.folder, `${file}.d.ts`), "utf8");
    const all = interfaces(text);
    const result = Object.values(all).find((one) => one.kind === "class") ||
      Object.entries(all).find(([name]) => name.endsWith("Result"))[1];
    const js = fs.readFileSync(path.join(this.folder, `${file}.js`), "utf8");
    const [, secrets = ""] = /additionalSecretOutputs: \[([^\]]*)\]/.exec(js) || [];
    return this.#markBlock(type, schema, result.members, secrets);
  }

  #markBlock(where, schema, members, secrets) {
    const missing = [];
    const renamed = RENAMED[where] || {};
    const find = (name) => candidates(renamed[name] || name).find((candidate) => candidate in members);
    for (const [name, attribute] of Object.entries(schema.attributes)) {
      const member = find(name);
      // What is only written is not in the state, and SDKv2 adds `id` itself.
      if (name.endsWith("_wo") && attribute.flags !== "c") attribute.flags += "w";
      if (member && secrets.includes(`"${member}"`)) attribute.flags += "s";
      if (!member && name === "id" && attribute.flags === "o") attribute.flags = "oc";
      else if (!member && name !== "id") missing.push(`${where}.${name}`);
      else if (member && attribute.flags.startsWith("o") && !/\| undefined/.test(members[member])) {
        attribute.flags = attribute.flags.replace("o", "oc");
      }
    }
    for (const [name, nested] of Object.entries(schema.blocks)) {
      if (name === "timeouts") continue;
      const member = find(name);
      const element = member && /outputs\.([\w.]+)/.exec(members[member]);
      const inner = element && this.outputs[element[1]];
      if (!inner) missing.push(`${where}.${name}`);
      else missing.push(...this.#markBlock(`${where}.${name}`, nested.block, inner.members, ""));
    }
    return missing;
  }
}

/** How a name of Terraform may be spelled there: in camel case, and lists in the plural. */
function candidates(name) {
  const camel = name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
  return [camel, `${camel}s`, `${camel}es`, camel.replace(/y$/, "ies"), camel.replace(/s$/, "")];
}

/** The classes and interfaces of a file of declarations: by name, with the types of their members. */
function interfaces(text) {
  const found = {};
  let space = "";
  let current = null;
  const lines = text.replace(/\/\*\*[^]*?\*\//g, "").split("\n");
  for (const line of lines) {
    const opened = /^\s*(?:export )?(?:declare )?(namespace|class|interface) (\w+)/.exec(line);
    const member = /^\s+(?:readonly )?(\w+)(\??): (.*)$/.exec(line);
    if (opened && opened[1] === "namespace") space = `${opened[2]}.`;
    else if (opened) {
      // An interface outside of a namespace begins at the margin.
      current = { kind: opened[1], members: {} };
      found[(/^\s/.test(line) ? space : "") + opened[2]] = current;
    } else if (member && current) {
      current.members[member[1]] = member[2] ? `${member[3]} | undefined` : member[3];
    } else if (/^\s*} \| undefined/.test(line) && current) {
      // The end of a type over several lines belongs to the last member.
      const last = Object.keys(current.members).pop();
      current.members[last] += line;
    }
  }
  return found;
}

module.exports = { Declarations };
